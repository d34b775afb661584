using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Tests.Memory;

/// <summary>What this host offers to tests of memory, and a reason to skip where it does not.</summary>
internal static partial class Host
{
    public static void NeedsLinux() =>
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64, "needs Linux on x86-64");

    public static void NeedsRoot()
    {
        NeedsLinux();
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");
    }

    public static void NeedsFrames()
    {
        NeedsRoot();
        GuestBufferOptions touched = new() { Residency = Residency.Touched };
        using GuestBuffer page = new NativeGuestMemory().Allocate(1, touched);
        bool known = page.TryQueryPages(out GuestPageMap? map, out GuestMemoryRefusal? refusal);
        Assert.SkipUnless(known, refusal?.Message ?? "");
        Assert.SkipWhen(
            map!.Pages.Span[0].State == GuestPageState.FrameHidden,
            "the kernel hides frame numbers: needs CAP_SYS_ADMIN in the initial user namespace");
    }

    public static void NeedsIoUring()
    {
        NeedsLinux();
        bool can = new NativeGuestMemory(null, PinningMechanism.IoUring).TryAllocate(1, GuestBufferOptions.Default, out GuestBuffer? page, out GuestMemoryRefusal? refusal);
        page?.Dispose();
        Assert.SkipUnless(can, refusal?.Message ?? "");
    }

    /// <summary>
    /// Room for pins: RLIMIT_MEMLOCK of an ordinary user, which is 8 MiB on many systems, binds all of the user's processes
    /// together.
    /// </summary>
    public static void NeedsToPin(long bytes)
    {
        NeedsLinux();
        if (Environment.IsPrivilegedProcess)
        {
            return;
        }

        string limit = File.ReadLines("/proc/self/limits").Single(line => line.StartsWith("Max locked memory", StringComparison.Ordinal)) // proc_pid_limits(5)
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[3];
        Assert.SkipWhen(
            long.TryParse(limit, CultureInfo.InvariantCulture, out long most) && most < bytes,
            $"needs to pin {bytes} bytes; RLIMIT_MEMLOCK is {limit}: raise it (ulimit -l), or run as root");
    }

    public static void NeedsRamFs()
    {
        NeedsLinux();
        bool can = new NativeGuestMemory(null, PinningMechanism.RamFs).TryAllocate(1, GuestBufferOptions.Default, out GuestBuffer? page, out GuestMemoryRefusal? refusal);
        page?.Dispose();
        Assert.SkipUnless(can, refusal?.Message ?? "");
    }

    public static GuestFrameNumber[] Frames(GuestBuffer buffer)
    {
        Assert.True(buffer.TryQueryPages(out GuestPageMap? map, out GuestMemoryRefusal? refusal), refusal?.Message);
        Assert.True(map.TryGetPagedRange(out PagedRange? range, out refusal), refusal?.Message);
        return range.Frames.ToArray();
    }

    /// <summary>VmLck, once what earlier tests abandoned is gone.</summary>
    public static long SettledLockedBytes()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return LinuxProcess.LockedBytes;
    }

    /// <summary>Waits until something is so: the kernel unpins a little later than it says.</summary>
    public static void Until(Func<bool> isSo, string what)
    {
        for (long started = Stopwatch.GetTimestamp(); !isSo();)
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < LastResort.Bound, $"In {LastResort.Bound} it did not come true that {what}.");
            _ = Thread.Yield();
        }
    }

    /// <summary>The flags of the mapping that holds an address: proc_pid_smaps(5).</summary>
    public static string[] VmFlags(GuestVirtualAddress address)
    {
        bool inside = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            int dash = line.IndexOf('-', StringComparison.Ordinal);
            if (dash > 0 && ulong.TryParse(line.AsSpan(0, dash), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong start))
            {
                ulong end = ulong.Parse(line.AsSpan(dash + 1, line.IndexOf(' ', StringComparison.Ordinal) - dash - 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                inside = start <= address.Value && address.Value < end;
            }
            else if (inside && line.StartsWith("VmFlags:", StringComparison.Ordinal))
            {
                return line["VmFlags:".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            }
        }

        return [];
    }

    public static GuestFrameNumber[] FramesOf(NativeGuestMemory memory, GuestVirtualAddress start, long length)
    {
        Assert.True(memory.QueryPages(start, length).TryGetPagedRange(out PagedRange? range, out GuestMemoryRefusal? refusal), refusal?.Message);
        return range.Frames.ToArray();
    }

    /// <summary>Which of some pages are locked: one pass over smaps.</summary>
    public static bool[] LockedPages(nuint first, int count)
    {
        bool[] locked = new bool[count];
        foreach (PageSpan span in new LinuxPageLocker().FindLocked(new PageSpan(first, first + ((nuint)count * GuestPage.Size)), -1))
        {
            locked.AsSpan((int)((span.Start - first) >> GuestPage.Shift), (int)(span.Length >> GuestPage.Shift)).Fill(true);
        }

        return locked;
    }

    /// <summary>Whether the page of an address is locked.</summary>
    public static bool IsLocked(nuint address) => VmFlags(new GuestVirtualAddress(address)).Contains("lo");

    /// <summary>Maps shared memory a second time: mremap(2) with old_size 0.</summary>
    public static nuint MapAgain(GuestVirtualAddress address, nuint length)
    {
        nint alias = MRemap((nuint)address.Value, 0, length, 1 /* MREMAP_MAYMOVE */, 0);
        Assert.NotEqual(-1, alias);
        return (nuint)alias;
    }

    /// <summary>Maps anonymous memory where it is asked for, if there is room.</summary>
    public static nint MapAt(nuint address, nuint length) =>
        MMap(address, length, Libc.ProtRead | Libc.ProtWrite, Libc.MapPrivate | Libc.MapAnonymous, -1, 0);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint MMap(nuint address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "mremap", SetLastError = true)]
    private static partial nint MRemap(nuint old, nuint oldLength, nuint newLength, int flags, nuint address);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    public static partial int Protect(nuint address, nuint length, int protection);
}
