namespace Hypercall.Native.Tests.Memory;

/// <summary>Anonymous pages that nobody touched, such as an application might have.</summary>
internal sealed unsafe class Scratch : IDisposable
{
    public Scratch(int pages)
    {
        Length = (long)pages * GuestPage.Size;
        Start = LinuxMemory.Map((nuint)Length, LinuxMemory.MapPrivate | LinuxMemory.MapAnonymous);
        Assert.NotEqual((nuint)0, Start);
        _ = LinuxMemory.Advise(Start, (nuint)Length, LinuxMemory.AdviseNoHugePage);
    }

    public nuint Start { get; }

    public long Length { get; }

    public byte* Pointer => (byte*)Start;

    public GuestVirtualAddress Address => new(Start);

    public void Dispose() => LinuxMemory.Unmap(Start, (nuint)Length);
}
