using Hypercall.Native.Interop;

namespace Hypercall.Native.Tests.Memory;

/// <summary>A mapping of four pages of a file.</summary>
internal sealed unsafe class FileMapping : IDisposable
{
    public const long Length = 4 * GuestPage.Size;

    private readonly bool _ownsFile;
    private readonly nuint _start;

    public FileMapping(int flags, string? file = null)
    {
        _ownsFile = file is null;
        File = file ?? Path.GetTempFileName();
        if (_ownsFile)
        {
            byte[] content = new byte[Length];
            new Random(3).NextBytes(content);
            System.IO.File.WriteAllBytes(File, content);
        }

        int handle = Libc.Open(File, Libc.OpenReadWrite);
        _start = LinuxMemory.Map((nuint)Length, flags, handle);
        _ = Libc.Close(handle);
        Assert.NotEqual((nuint)0, _start);
        for (int page = 0; page < 4; page++)
        {
            _ = Volatile.Read(ref Pointer[page * GuestPage.Size]);
        }
    }

    public string File { get; }

    public byte* Pointer => (byte*)_start;

    public GuestVirtualAddress Address => new(_start);

    public void Truncate(long length)
    {
        using FileStream file = System.IO.File.OpenWrite(File);
        file.SetLength(length);
    }

    public void Dispose()
    {
        LinuxMemory.Unmap(_start, (nuint)Length);
        if (_ownsFile)
        {
            System.IO.File.Delete(File);
        }
    }
}
