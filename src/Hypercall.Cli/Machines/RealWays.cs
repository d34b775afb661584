using System.Runtime.Intrinsics.X86;
using Hypercall.Amd;
using Hypercall.Intel;
using Hypercall.Native;

namespace Hypercall.Cli.Machines;

/// <summary>The ways down that the tool knows on a real machine.</summary>
internal static class RealWays
{
    /// <summary>All of them. One more is one more here.</summary>
    public static IReadOnlyList<IHypercallProvider> All { get; } = [new IntelProvider(), new AmdProvider()];

    /// <summary>
    /// The way that this CPU's vendor decides; null where there is none. Ways that any CPU has are never taken unless they are
    /// named.
    /// </summary>
    public static string? CpusChoice()
    {
        if (!X86Base.IsSupported)
        {
            return null;
        }

        NativeCpuid cpuid = new();
        return All.FirstOrDefault(way => way.Probe(cpuid).IsCpusChoice)?.Name;
    }
}
