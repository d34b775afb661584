using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Hypercall.Testing.Tests;

/// <summary>The page walker of the rig's VMM, compiled from its own source and lent the tables of a test.</summary>
internal sealed unsafe class RigWalker : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hypercall-walker-").FullName;
    private readonly List<GCHandle> _lent = [];
    private readonly nint _library;
    private readonly delegate* unmanaged<void> _clear;
    private readonly delegate* unmanaged<ulong, ulong*, byte> _lend;
    private readonly delegate* unmanaged<ulong, byte, byte, uint, ulong, byte, byte, ulong*, void> _walk;

    public RigWalker()
    {
        string root = SourceRoot();
        string rig = Path.Combine(root, "rig", "vmm");
        string library = Path.Combine(_folder, "walker.so");
        string shim = Path.Combine(root, "tests", "Hypercall.Testing.Tests", "Paging", "walker.c");
        using Process compiler = Process.Start(
            "gcc", ["-std=gnu17", "-O2", "-shared", "-fPIC", "-I", rig, "-o", library, shim, Path.Combine(rig, "walk.c")]);
        compiler.WaitForExit();
        Assert.Equal(0, compiler.ExitCode);
        _library = NativeLibrary.Load(library);
        _clear = (delegate* unmanaged<void>)NativeLibrary.GetExport(_library, "tables_clear");
        _lend = (delegate* unmanaged<ulong, ulong*, byte>)NativeLibrary.GetExport(_library, "tables_lend");
        _walk = (delegate* unmanaged<ulong, byte, byte, uint, ulong, byte, byte, ulong*, void>)NativeLibrary.GetExport(_library, "walk_for_test");
    }

    /// <summary>Why it cannot be compiled here; null if it can.</summary>
    public static string? WhyNot => !OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64
        ? "The rig's walker is built for Linux on x86-64."
        : Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, "gcc"))) ? null : "There is no gcc here.";

    /// <summary>Lends it tables; those lent before are forgotten.</summary>
    public void Lend(IEnumerable<KeyValuePair<ulong, ulong[]>> tables)
    {
        Release();
        foreach ((ulong frame, ulong[] table) in tables)
        {
            GCHandle handle = GCHandle.Alloc(table, GCHandleType.Pinned);
            _lent.Add(handle);
            Assert.Equal(1, _lend(frame, (ulong*)handle.AddrOfPinnedObject()));
        }
    }

    /// <summary>Walks, as the handlers of the VMM do for a caller.</summary>
    public (ulong Fault, ulong Error, ulong Address, ulong Size, ulong Rights) Walk(
        ulong cr3, FakePaging paging, bool writeProtect, bool isUser, ulong gva, bool isWrite, bool mark)
    {
        ulong* result = stackalloc ulong[5];
        _walk(cr3, Byte(paging == FakePaging.FiveLevel), Byte(writeProtect), isUser ? 3u : 0, gva, Byte(isWrite), Byte(mark), result);
        return (result[0], result[1], result[2], result[3], result[4]);

        static byte Byte(bool value) => value ? (byte)1 : (byte)0;
    }

    public void Dispose()
    {
        Release();
        NativeLibrary.Free(_library);
        Directory.Delete(_folder, recursive: true);
    }

    private static string SourceRoot() => typeof(RigWalker).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .First(attribute => attribute.Key == "SourceRoot").Value!;

    private void Release()
    {
        _clear();
        _lent.ForEach(handle => handle.Free());
        _lent.Clear();
    }
}
