using System.Runtime.InteropServices;

namespace Hypercall.Native.MemoryProbe;

/// <summary>What memory does after the process gave root up. One line of "key: value" for each thing asked.</summary>
internal static unsafe partial class Privileges
{
    private const uint Nobody = 65534;
    private const long TooMuch = 4 << 20; // past the limit of 1 MiB that the test sets
    private const int Dumpable = 4;       // PR_SET_DUMPABLE, linux/prctl.h

    /// <summary>Root once, then nobody for good.</summary>
    public static void GiveUp()
    {
        NativeGuestMemory memory = new();
        NativeGuestMemory ramFs = new(pinning: PinningMechanism.RamFs);
        NativeGuestMemory keeper = new(keepPrivileges: true);
        NativeGuestMemory keeperOfRamFs = new(pinning: PinningMechanism.RamFs, keepPrivileges: true);
        GuestBuffer early = memory.Allocate(TooMuch);
        Tell("frames as root", Frames(memory, early));
        Tell("pin as root", Pin(memory, TooMuch));
        Tell("ramfs as root", Pin(ramFs, TooMuch));

        Check(SetGroups(Nobody, Nobody, Nobody), "setresgid");
        Check(SetUsers(Nobody, Nobody, Nobody), "setresuid");
        Tell("frames", Frames(memory, early));
        Tell("pin", Pin(memory, TooMuch));
        Tell("pin a page", Pin(memory, 4096));
        Tell("ramfs", Pin(ramFs, 4096));
        Tell("kept frames", Frames(keeper, early));
        Tell("kept pin", Pin(keeper, TooMuch));
        Tell("kept ramfs", Pin(keeperOfRamFs, TooMuch));
        Tell("frames of the keeper do not help", Frames(memory, early));

        // Only now may nobody look into its own /proc: the kernel makes a process that changed its user undumpable.
        Check(PrCtl(Dumpable, 1, 0, 0, 0), "prctl");
        Tell("frames when dumpable", Frames(memory, early));
        Tell("rings while the early buffer is pinned", Count("io_uring"));
        early.Dispose();
        keeper.CloseDescriptors();
        keeperOfRamFs.CloseDescriptors();
        memory.CloseDescriptors();
        Tell("descriptors when all are closed", Count("io_uring", "pagemap") + Count(link => link == "/"));
        using GuestBuffer late = memory.Allocate(4096, Residency.Touched);
        Tell("frames of the keeper that closed", Frames(keeper, late));
    }

    /// <summary>Root, nobody for a while, and root again.</summary>
    public static void GiveUpForAWhile()
    {
        NativeGuestMemory memory = new();
        using GuestBuffer buffer = memory.Allocate(8192);
        Tell("frames as root", Frames(memory, buffer));
        Check(SetUsers(uint.MaxValue, Nobody, uint.MaxValue), "setresuid");
        Tell("frames", Frames(memory, buffer));
        Check(SetUsers(uint.MaxValue, 0, uint.MaxValue), "setresuid");
        Tell("frames as root again", Frames(memory, buffer));
    }

    /// <summary>One thread gives its capabilities up, by the system call, which knows of no other threads.</summary>
    public static void GiveUpOnOneThread()
    {
        NativeGuestMemory memory = new();
        using GuestBuffer buffer = memory.Allocate(8192);
        Tell("frames as root", Frames(memory, buffer));
        Thread thread = new(() =>
        {
            uint* header = stackalloc uint[2] { 0x2008_0522, 0 }; // _LINUX_CAPABILITY_VERSION_3, linux/capability.h
            uint* none = stackalloc uint[6];
            Check((int)SystemCall(126 /* capset, syscall_64.tbl */, (nint)header, (nint)none), "capset");
            Tell("frames on that thread", Frames(memory, buffer));
            Tell("pin on that thread", Pin(memory, TooMuch));
        });
        thread.Start();
        thread.Join();
        Tell("frames on the others", Frames(memory, buffer));
        Tell("pin on the others", Pin(memory, TooMuch));
    }

    private static string Frames(NativeGuestMemory memory, GuestBuffer buffer)
    {
        bool known = memory.TryQueryPages(buffer.Address, buffer.Length, out GuestPageMap? map, out GuestMemoryRefusal? refusal)
            && map.TryGetPagedRange(out _, out refusal);
        return known ? "known" : refusal!.Reason.ToString();
    }

    private static string Pin(NativeGuestMemory memory, long length)
    {
        bool done = memory.TryAllocate(length, GuestBufferOptions.Default, out GuestBuffer? buffer, out GuestMemoryRefusal? refusal);
        buffer?.Dispose();
        return done ? "pinned" : refusal!.Reason.ToString();
    }

    private static int Count(params string[] names) => Count(link => names.Any(name => link.Contains(name, StringComparison.Ordinal)));

    private static int Count(Func<string, bool> isOne) =>
        new DirectoryInfo("/proc/self/fd").EnumerateFileSystemInfos().Count(file => isOne(file.LinkTarget ?? ""));

    private static void Tell(string what, object answer) => Console.WriteLine($"{what}: {answer}");

    private static void Check(int result, string call)
    {
        if (result != 0)
        {
            throw new InvalidOperationException($"{call}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "setresuid", SetLastError = true)]
    private static partial int SetUsers(uint real, uint effective, uint saved);

    [LibraryImport("libc", EntryPoint = "setresgid", SetLastError = true)]
    private static partial int SetGroups(uint real, uint effective, uint saved);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int PrCtl(int option, nint second, nint third, nint fourth, nint fifth);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long SystemCall(long number, nint first, nint second);
}
