using System.Runtime.InteropServices;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Guard;

/// <summary>
/// Which handlers are a .NET runtime's. It is told by where the runtime's code is: the program's file is the host's, if the
/// library is in a C host, and a file may be replaced under a running process.
/// </summary>
internal static unsafe class RuntimeCode
{
    private static readonly Lazy<LoadedModule[]> Modules = new(Find);

    /// <summary>Whether an address is a .NET runtime's, this one's or another's in this process.</summary>
    /// <param name="address">The address of a handler.</param>
    public static bool Contains(nint address) => Array.Exists(Modules.Value, module => module.Contains(address));

    private static LoadedModule[] Find()
    {
        // Functions that are the runtime's own: in CoreCLR (libcoreclr, or a single file with everything in it), or in what
        // NativeAOT made.
        ComWrappers.GetIUnknownImpl(out _, out nint addReference, out _);
        List<nint> known = [addReference, (nint)(delegate* unmanaged<void>)&Nothing];

        // CoreCLR keeps the handlers of PosixSignalRegistration in a library of their own, which it has loaded long ago.
        LoadedModule[] modules = [.. LoadedModule.All()];
        bool IsCompiledIn(LoadedModule module) => known.TrueForAll(module.Contains);
        if (!Array.Exists(modules, IsCompiledIn)
            && NativeLibrary.TryLoad("libSystem.Native", typeof(object).Assembly, null, out nint system)
            && NativeLibrary.TryGetExport(system, "SystemNative_SetPosixSignalHandler", out nint setHandler))
        {
            known.Add(setHandler);
        }

        // And CoreCLR beside a NativeAOT library: another runtime, which this one cannot ask. The loader's names outlive the
        // files.
        return [.. modules.Where(module => known.Exists(module.Contains)
            || Path.GetFileName(module.Name) is "libcoreclr.so" or "libSystem.Native.so")];
    }

    [UnmanagedCallersOnly]
    private static void Nothing()
    {
    }
}
