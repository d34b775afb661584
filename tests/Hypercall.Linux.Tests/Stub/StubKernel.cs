using System.Runtime.InteropServices;

namespace Hypercall.Linux.Tests;

/// <summary>A kernel that a test writes: which devices there are, what an ioctl gives.</summary>
internal sealed unsafe class StubKernel : IDeviceKernel
{
    private const int File = 40;

    private readonly Dictionary<nuint, nuint> _mappings = [];

    /// <summary>What each ioctl does: the command and its argument in, what the kernel gives back out.</summary>
    public delegate long Answer(uint command, void* argument);

    /// <summary>What open gives for each path; a path that is not here is ENOENT.</summary>
    public Dictionary<string, int> Devices { get; } = [];

    public Dictionary<string, string> Files { get; } = [];

    public List<uint> Commands { get; } = [];

    public List<long> Offsets { get; } = [];

    public Answer OnControl { get; set; } = (_, _) => 0;

    public int MapError { get; set; }

    public string? Lockdown { get; set; }

    public int OpenFiles { get; private set; }

    public int Mappings => _mappings.Count;

    /// <summary>Whether commands are listed; a list grows.</summary>
    public bool Lists { get; set; } = true;

    public bool Exists(string path) => Devices.ContainsKey(path);

    public string? TryRead(string path) => Files.GetValueOrDefault(path);

    public int Open(string path)
    {
        int answer = Devices.GetValueOrDefault(path, -2);
        OpenFiles += answer >= 0 ? 1 : 0;
        return answer >= 0 ? File : answer;
    }

    public void Close(int file) => OpenFiles--;

    public long Control(int file, uint command, void* argument)
    {
        if (file != File)
        {
            throw new InvalidOperationException($"{file} is no file of this kernel's."); // an assertion would allocate
        }

        if (Lists)
        {
            Commands.Add(command);
        }

        return OnControl(command, argument);
    }

    public int Map(int file, long length, long offset, out nuint start, out ExcludedCopies excluded)
    {
        excluded = ExcludedCopies.CoreDumps;
        start = 0;
        if (MapError != 0)
        {
            return MapError;
        }

        Offsets.Add(offset);
        start = (nuint)NativeMemory.AlignedAlloc((nuint)length, GuestPage.Size);
        NativeMemory.Clear((void*)start, (nuint)length);
        _mappings.Add(start, (nuint)length);
        return 0;
    }

    public void Unmap(nuint start, long length)
    {
        Assert.True(_mappings.Remove(start, out nuint mapped));
        Assert.Equal(mapped, (nuint)length);
        NativeMemory.AlignedFree((void*)start);
    }
}
