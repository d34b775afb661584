using Hypercall.Native.Execution;
using Hypercall.Native.Interop;

namespace Hypercall.Native.FaultStress;

/// <summary>The pages that all copies of the library in this runtime have made together.</summary>
internal static class SharedPages
{
    public static int Count(string arena) => (int)RuntimeShared.GetOrAdd(arena, CodeArena.Version, () => new long[2])[1];
}
