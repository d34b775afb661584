using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Hypercall.Testing.Tests.Samples;

/// <summary>The functions of samples/handlers, compiled from there, as the functions of a fake machine's VMM.</summary>
internal sealed unsafe class CHandlers : IDisposable
{
    private const int BoxSize = 1 << 20;

    [ThreadStatic]
    private static FakeCall? s_call;

    [ThreadStatic]
    private static Dictionary<nint, FakeView>? s_mapped;

    private readonly string _folder = Directory.CreateTempSubdirectory("hypercall-handlers-").FullName;
    private readonly nint _library;
    private readonly delegate* unmanaged<Lender*, void> _lend;
    private readonly delegate* unmanaged<uint, ulong, ulong, ulong> _run;
    private readonly delegate* unmanaged<byte*, uint, uint> _look;

    public CHandlers()
    {
        string samples = Path.Combine(SourceRoot, "samples", "handlers");
        string library = Path.Combine(_folder, "handlers.so");
        using Process compiler = Process.Start("gcc",
        [
            "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", $"-DHC_BOX={BoxSize}u", "-I", samples,
            "-o", library, Path.Combine(samples, "test", "fake.c"),
        ]);
        compiler.WaitForExit();
        Assert.Equal(0, compiler.ExitCode);
        _library = NativeLibrary.Load(library);
        _lend = (delegate* unmanaged<Lender*, void>)NativeLibrary.GetExport(_library, "lend");
        _run = (delegate* unmanaged<uint, ulong, ulong, ulong>)NativeLibrary.GetExport(_library, "run");
        _look = (delegate* unmanaged<byte*, uint, uint>)NativeLibrary.GetExport(_library, "look");
        var nameOf = (delegate* unmanaged<uint, byte*>)NativeLibrary.GetExport(_library, "name_of");
        for (uint i = 0; Marshal.PtrToStringUTF8((nint)nameOf(i)) is { } name; i++)
        {
            Names.Add(name);
        }
    }

    /// <summary>Why it cannot be compiled here; null if it can.</summary>
    public static string? WhyNot => RigWalker.WhyNot;

    public static string SourceRoot => typeof(CHandlers).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .First(attribute => attribute.Key == "SourceRoot").Value!;

    /// <summary>The functions, in the order of their numbers in C.</summary>
    public List<string> Names { get; } = [];

    /// <summary>What the functions have taken and not given back.</summary>
    public byte[] Box
    {
        get
        {
            byte[] bytes = new byte[BoxSize];
            fixed (byte* start = bytes)
            {
                return bytes[..(int)_look(start, BoxSize)];
            }
        }
    }

    /// <summary>Has a machine's VMM serve all of them, with nothing in their box.</summary>
    public void Serve(FakeMachine machine)
    {
        Lender lender = new() { Map = &Map, Unmap = &Unmap, Walk = &Walk };
        _lend(&lender);
        for (int i = 0; i < Names.Count; i++)
        {
            uint index = (uint)i;
            machine.On(Names[i], call =>
            {
                ulong done = Run(index, call);
                (call.Rax, call.Rbx) = (done, ~done);
            });
        }
    }

    public void Dispose()
    {
        NativeLibrary.Free(_library);
        Directory.Delete(_folder, recursive: true);
    }

    private ulong Run(uint index, FakeCall call)
    {
        (s_call, s_mapped) = (call, []);
        ulong result = _run(index, call.Rbx, call.Rcx);
        Assert.Empty(s_mapped);
        return result;
    }

    [UnmanagedCallersOnly]
    private static void* Map(ulong address, uint length, byte write)
    {
        FakeMapAccess access = write != 0 ? FakeMapAccess.Write : FakeMapAccess.Read;
        if (!s_call!.TryMap(new GuestPhysicalAddress(address), length, access, out FakeView? view))
        {
            return null;
        }

        void* bytes = NativeMemory.AllocZeroed(length);
        if (!view.Read(0, new Span<byte>(bytes, (int)length)))
        {
            NativeMemory.Free(bytes);
            return null;
        }

        s_mapped!.Add((nint)bytes, view);
        return bytes;
    }

    [UnmanagedCallersOnly]
    private static void Unmap(void* bytes, uint length)
    {
        if (s_mapped!.Remove((nint)bytes, out FakeView? view) && view.Access == FakeMapAccess.Write)
        {
            view.Write(0, new ReadOnlySpan<byte>(bytes, (int)length));
        }

        NativeMemory.Free(bytes);
    }

    [UnmanagedCallersOnly]
    private static byte Walk(ulong address, byte write, ulong* target)
    {
        PageWalk walk = s_call!.Walk(new GuestVirtualAddress(address), write != 0);
        *target = walk.Address.Value;
        return walk.IsPresent ? (byte)1 : (byte)0;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Lender
    {
        public delegate* unmanaged<ulong, uint, byte, void*> Map;
        public delegate* unmanaged<void*, uint, void> Unmap;
        public delegate* unmanaged<ulong, byte, ulong*, byte> Walk;
    }
}
