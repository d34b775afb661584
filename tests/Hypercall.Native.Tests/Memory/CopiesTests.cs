using System.Runtime.CompilerServices;

namespace Hypercall.Native.Tests.Memory;

/// <summary>Several copies of the library in one runtime, each in an AssemblyLoadContext, as plug-in hosts load them.</summary>
[Collection(WholeMachine.Name)]
public sealed class CopiesTests
{
    private static readonly GuestBufferOptions Locked = new() { Residency = Residency.Locked };

    [Fact]
    public void A_page_that_two_copies_lock_stays_locked_until_both_let_go()
    {
        Host.NeedsLinux();
        using Scratch scratch = new(16);
        PluginContext one = new();
        PluginContext other = new();
        _ = one.Call("Lock", scratch.Address.Value, scratch.Length);
        _ = other.Call("Lock", scratch.Address.Value, scratch.Length);
        _ = one.Call("Close");
        Assert.DoesNotContain(false, Host.LockedPages(scratch.Start, 16));
        _ = other.Call("Close");
        Assert.DoesNotContain(true, Host.LockedPages(scratch.Start, 16));
        one.Unload();
        other.Unload();
    }

    [Fact]
    public void Of_three_copies_over_overlapping_pages_the_one_that_is_unloaded_unclosed_gives_back_its_own_counts()
    {
        Host.NeedsLinux();
        using Scratch scratch = new(30);
        PluginContext last = new();
        using GuestBuffer first = new NativeGuestMemory().OpenWindow(scratch.Address, 12 * 4096, Locked); // the tests' own copy is one, too
        WeakReference middle = LockAndUnload(scratch, 8, 14);
        _ = last.Call("Lock", scratch.Address.Value + (18 * 4096), 12L * 4096);
        PluginContext.AwaitUnloaded(middle);
        Assert.Equal(
            [.. Enumerable.Repeat(true, 12), .. Enumerable.Repeat(false, 6), .. Enumerable.Repeat(true, 12)], Host.LockedPages(scratch.Start, 30));
        _ = last.Call("Close");
        first.Dispose();
        Assert.DoesNotContain(true, Host.LockedPages(scratch.Start, 30));
        last.Unload();

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference LockAndUnload(Scratch scratch, int page, int count) =>
            PluginContext.Once(("Lock", [scratch.Address.Value + ((ulong)page * 4096), count * 4096L])).Context;
    }

    [Fact]
    public void A_page_that_the_application_locked_itself_is_unlocked_by_no_copy()
    {
        Host.NeedsLinux();
        using Scratch scratch = new(4);
        Assert.Equal(0, LinuxMemory.Lock(scratch.Start, 4096));
        PluginContext one = new();
        PluginContext other = new();
        _ = one.Call("Lock", scratch.Address.Value, scratch.Length);
        _ = other.Call("Lock", scratch.Address.Value, scratch.Length); // sees four locked pages, of which one is nobody's
        _ = one.Call("Close");
        _ = other.Call("Close");
        Assert.Equal([true, false, false, false], Host.LockedPages(scratch.Start, 4));
        one.Unload();
        other.Unload();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_context_that_is_unloaded_leaves_no_descriptor_behind(bool ramFs)
    {
        Host.NeedsIoUring();
        if (ramFs)
        {
            Host.NeedsRamFs();
        }

        string[] before = Descriptors();
        for (int i = 0; i < 5; i++)
        {
            PluginContext.AwaitUnloaded(PluginContext.Once(("Pin", [ramFs])).Context);
        }

        Assert.Equal(before, Descriptors());
    }

    [Fact]
    public void What_a_copy_leased_to_a_vmm_stays_pinned_when_its_context_is_unloaded()
    {
        Host.NeedsIoUring();
        const int Length = 5 * 4096;
        string[] before = Descriptors();
        long pinned = LinuxProcess.PinnedBytes;
        (WeakReference context, object? address) = PluginContext.Once(("Pin", [false]), ("Leak", [(long)Length]));
        PluginContext.AwaitUnloaded(context);
        Assert.Equal([.. before, "anon_inode:[io_uring]"], Descriptors());
        Host.Until(() => LinuxProcess.PinnedBytes == pinned + Length, "only the leased pages are pinned");
        unsafe
        {
            Assert.False(new Span<byte>((void*)(ulong)address!, Length).ContainsAnyExcept((byte)0xA5));
        }
    }

    // What stays open of this library: rings, the page map, and a ramfs, whose mount has no name but "/".
    private static string[] Descriptors()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers(); // other tests' own
        return
        [
            .. new DirectoryInfo("/proc/self/fd").EnumerateFileSystemInfos()
                .Select(file => file.LinkTarget ?? "")
                .Where(target => target.Contains("io_uring", StringComparison.Ordinal) || target.EndsWith("/pagemap", StringComparison.Ordinal) || target == "/")
                .OrderBy(target => target.Contains("io_uring", StringComparison.Ordinal)),
        ];
    }
}
