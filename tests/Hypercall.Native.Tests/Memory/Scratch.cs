using Hypercall.Native.Interop;

namespace Hypercall.Native.Tests.Memory;

/// <summary>Anonymous pages that nobody touched, such as an application might have.</summary>
internal sealed unsafe class Scratch : IDisposable
{
    private static long far = 0x2000_0000_0000;

    public Scratch(int pages)
        : this(LinuxMemory.Map((nuint)pages * GuestPage.Size, Libc.MapPrivate | Libc.MapAnonymous), pages)
    {
    }

    private Scratch(nuint start, int pages)
    {
        Length = (long)pages * GuestPage.Size;
        Start = start;
        Assert.NotEqual((nuint)0, Start);
        _ = LinuxMemory.Advise(Start, (nuint)Length, Libc.AdviseNoHugePage);
    }

    /// <summary>
    /// Pages with a hole that stays one: far below where mmap looks for room, so that no other thread's mapping lands in it.
    /// </summary>
    public static Scratch WithHole(int pages, int hole)
    {
        nint start = Host.MapAt((nuint)Interlocked.Add(ref far, 1 << 30), (nuint)pages * GuestPage.Size);
        Assert.NotEqual(-1, start);
        Scratch scratch = new((nuint)start, pages);
        LinuxMemory.Unmap(scratch.Start + ((nuint)hole * GuestPage.Size), GuestPage.Size);
        return scratch;
    }

    public nuint Start { get; }

    public long Length { get; }

    public byte* Pointer => (byte*)Start;

    public GuestVirtualAddress Address => new(Start);

    public void Dispose() => LinuxMemory.Unmap(Start, (nuint)Length);
}
