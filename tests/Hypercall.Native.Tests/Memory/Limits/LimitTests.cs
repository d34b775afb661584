using System.Globalization;

namespace Hypercall.Native.Tests.Memory.Limits;

/// <summary>
/// Hosts that kill who takes too much. Each victim is a process of its own; without the check it ends by a signal, which fails
/// the test.
/// </summary>
[Collection(WholeMachine.Name)]
public sealed class LimitTests
{
    private const long Mebi = 1 << 20;
    private const string Size = "536870912"; // 512 MiB

    private static readonly string[] Everything =
        [.. Enum.GetNames<Residency>().SelectMany(residency => new[] { $"buffer-{residency}", $"next-best-{residency}", $"window-{residency}" })];

    [Fact]
    public void More_than_a_memory_cgroup_has_is_refused_naming_its_limit()
    {
        using MemoryCgroup group = MemoryCgroup.Create(256 * Mebi);
        AssertRefused(Probe.RunBehind(group.Launcher(), "--ask", Size), group.Path);
    }

    [Fact]
    public void The_limit_of_a_cgroup_above_binds_as_well()
    {
        using MemoryCgroup group = MemoryCgroup.Create(256 * Mebi);
        using MemoryCgroup below = group.CreateBelow();
        AssertRefused(Probe.RunBehind(below.Launcher(), "--ask", Size), group.Path + "/memory.");
    }

    [Fact]
    public void A_cgroup_namespace_does_not_hide_the_limit()
    {
        NeedsUnshare();
        using MemoryCgroup group = MemoryCgroup.Create(256 * Mebi);
        using MemoryCgroup below = group.CreateBelow();
        AssertRefused(Probe.RunBehind(below.Launcher("/usr/bin/unshare", "--cgroup"), "--ask", Size), group.Path);
    }

    [Fact]
    public void A_container_that_sees_only_its_own_cgroup_is_bound_by_it()
    {
        NeedsUnshare();
        using MemoryCgroup group = MemoryCgroup.Create(256 * Mebi);
        string mount = Path.GetDirectoryName(group.Path)!;
        AssertRefused(
            Probe.RunBehind(
                group.Launcher("/usr/bin/unshare", "--mount", "/bin/sh", "-c", $"mount --bind {group.Path} {mount} && exec \"$@\"", "sh"), "--ask", Size),
            mount + "/memory.");
    }

    [Fact]
    public void Small_buffers_are_refused_before_they_add_up_to_the_limit()
    {
        using MemoryCgroup group = MemoryCgroup.Create(64 * Mebi);
        Dictionary<string, string> told = Probe.RunBehind(group.Launcher(), "--many", "4096", "0", "Touched", "Locked");
        Assert.Equal("reached", told["end"]);
        Assert.StartsWith("OutOfMemory limit=67108864", told["many"], StringComparison.Ordinal);
        Assert.InRange(int.Parse(told["buffers"], CultureInfo.InvariantCulture), 1_000, 16_384);
    }

    [Fact]
    public void Threads_that_ask_at_the_same_time_do_not_get_the_same_memory()
    {
        using MemoryCgroup group = MemoryCgroup.Create(256 * Mebi);
        Dictionary<string, string> told = Probe.RunBehind(group.Launcher(), "--threads", "8", "60000000");
        Assert.Equal("reached", told["end"]);
        Assert.StartsWith("OutOfMemory", told["refused"], StringComparison.Ordinal);
        Assert.InRange(int.Parse(told["granted"], CultureInfo.InvariantCulture), 1, 4);
    }

    [Fact]
    public void A_window_onto_memory_that_is_there_needs_none()
    {
        using MemoryCgroup group = MemoryCgroup.Create(256 * Mebi);
        Dictionary<string, string> told = Probe.RunBehind(group.Launcher(), "--window", "180000000", "120000000");
        Assert.Equal("Locked Any", told["window"]);
        Assert.StartsWith("OutOfMemory limit=268435456", told["buffer"], StringComparison.Ordinal);
        Assert.Equal("reached", told["end"]);
    }

    [Theory]
    [InlineData("ulimit -v 2000000", "RLIMIT_AS", "2000000000")]
    [InlineData("ulimit -d 400000", "RLIMIT_DATA", Size)]
    public void More_than_a_limit_of_the_process_leaves_is_refused_naming_it(string limit, string name, string size)
    {
        Host.NeedsLinux();
        Dictionary<string, string> told = Probe.RunBehind(Limited(limit), "--ask", size);
        Assert.Equal("reached", told["end"]);
        foreach (string buffer in Enum.GetNames<Residency>().Select(residency => $"buffer-{residency}"))
        {
            Assert.StartsWith("OutOfMemory limit=", told[buffer], StringComparison.Ordinal);
            Assert.Contains(name, told[buffer], StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("ulimit -v 2000000", "RLIMIT_AS")]
    [InlineData("ulimit -d 400000", "RLIMIT_DATA")]
    public void The_runtime_keeps_room_to_map_for_itself(string limit, string name)
    {
        Host.NeedsLinux();
        Dictionary<string, string> told = Probe.RunBehind(Limited(limit), "--many", "1048576", "0", "Touched", "Touched");
        Assert.Contains(name, told["many"], StringComparison.Ordinal);
        Assert.Equal("reached", told["end"]);
    }

    [Fact]
    public void A_ramfs_file_longer_than_the_limit_on_files_is_refused_and_the_fallback_is_taken()
    {
        Host.NeedsRoot();
        Host.NeedsRamFs();
        Dictionary<string, string> told = Probe.RunBehind(Limited("ulimit -f 128"), "--ask", "1000000", "--no-io-uring");
        Assert.StartsWith("PinningUnavailable", told["buffer-Pinned"], StringComparison.Ordinal);
        Assert.Contains("RLIMIT_FSIZE", told["buffer-Pinned"], StringComparison.Ordinal);
        Assert.Equal("Locked Any", told["next-best-Pinned"]);
        Assert.Equal("Pinned Any", told["small-Pinned"]);
        Assert.Equal("reached", told["end"]);
    }

    [Theory]
    [InlineData("Touched", "Locked")]
    [InlineData("Touched", "Touched")] // which the kernel merges, until every other one is freed
    [InlineData("Pinned", "Pinned", "--no-io-uring")]
    public void Mappings_run_out_while_the_runtime_has_some_left(string even, string odd, params string[] more)
    {
        Host.NeedsRoot();
        Assert.SkipWhen(more.Length > 0 && !CanRamFs(), "needs ramfs");
        long most = long.Parse(File.ReadAllText("/proc/sys/vm/max_map_count"), CultureInfo.InvariantCulture);
        Assert.SkipWhen(most > 200_000, $"vm.max_map_count is {most}: too many to make");
        string burnt = (most - 5_000).ToString(CultureInfo.InvariantCulture);
        Dictionary<string, string> told = Probe.RunBehind(["/usr/bin/env"], ["--many", "4096", burnt, even, odd, .. more]);
        Assert.Contains("vm.max_map_count", told["many"], StringComparison.Ordinal);
        Assert.InRange(long.Parse(told["mappings"], CultureInfo.InvariantCulture), 0, most - 500);
        Assert.Equal("reached", told["end"]);
    }

    [Fact]
    public void A_meminfo_that_somebody_mounted_over_the_kernels_is_believed_when_it_says_less()
    {
        Host.NeedsRoot();
        NeedsUnshare();
        Dictionary<string, string> told = RunWithAvailable(50 * Mebi, "--ask", "67108864");
        Assert.Contains("MemAvailable", told["buffer-Touched"], StringComparison.Ordinal);
        Assert.Equal("Touched Any", told["small-Touched"]);
    }

    [Fact]
    public void Contiguous_memory_comes_out_of_the_pool_when_little_else_is_available()
    {
        Host.NeedsFrames();
        NeedsUnshare();
        using ReservedHugePages reserved = ReservedHugePages.Take(4);
        Dictionary<string, string> told = RunWithAvailable(1 * Mebi, "--contiguous", "2097152");
        Assert.Equal("Touched Contiguous", told["contiguous"]);
        Assert.Contains("MemAvailable", told["scattered"], StringComparison.Ordinal);
    }

    [Fact]
    public void Where_a_limit_refuses_contiguous_memory_the_other_ways_are_told()
    {
        Host.NeedsRoot();
        NeedsUnshare();
        Assert.SkipUnless(
            File.ReadLines("/proc/meminfo").Contains("HugePages_Free:        0"), "the pool has free pages, or there is none");
        string told = RunWithAvailable(1 * Mebi, "--contiguous", "2097152")["contiguous"];
        Assert.StartsWith("OutOfMemory", told, StringComparison.Ordinal);
        Assert.Contains("MemAvailable", told, StringComparison.Ordinal);
        Assert.Contains("Tried: huge pages of the pool: mmap(MAP_HUGETLB): ", told, StringComparison.Ordinal);
    }

    [Fact]
    public void A_range_whose_map_alone_does_not_fit_into_the_heap_is_refused()
    {
        // 256 MiB of answer, and half of that for the heap.
        Dictionary<string, string> told = Probe.RunBehind(Limited("true"), "--query", "137438953472");
        Assert.StartsWith("OutOfMemory", told["query"], StringComparison.Ordinal);
        Assert.Contains("the answer alone takes 268435456 bytes", told["query"], StringComparison.Ordinal);
        Assert.Equal("reached", told["end"]);
    }

    private static void AssertRefused(Dictionary<string, string> told, string named)
    {
        Assert.Equal("reached", told["end"]);
        foreach (string what in Everything)
        {
            Assert.StartsWith("OutOfMemory limit=268435456 needed=", told[what], StringComparison.Ordinal);
            Assert.Contains(named, told[what], StringComparison.Ordinal);
        }

        Assert.Equal("Touched Any", told["small-Touched"]);
        Assert.Equal("Locked Any", told["small-Locked"]);
    }

    private static Dictionary<string, string> RunWithAvailable(long bytes, params string[] arguments)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, $"MemTotal: 1048576 kB\nMemAvailable: {bytes / 1024} kB\nSwapFree: 0 kB\n");
            return Probe.RunBehind(
                ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", $"mount --bind {path} /proc/meminfo && exec \"$@\"", "sh"], arguments);
        }
        finally
        {
            File.Delete(path);
        }
    }

    // The runtime reserves 256 GiB for its heap unless told that it may not become so large, and doubles its code in a file of 2
    // GiB.
    private static string[] Limited(string limit) =>
        ["/bin/bash", "-c", $"{limit} && export DOTNET_GCHeapHardLimit=8000000 DOTNET_EnableWriteXorExecute=0 && exec \"$@\"", "bash"];

    private static bool CanRamFs()
    {
        bool can = new NativeGuestMemory(null, PinningMechanism.RamFs).TryAllocate(1, GuestBufferOptions.Default, out GuestBuffer? page, out _);
        page?.Dispose();
        return can;
    }

    private static void NeedsUnshare() => Assert.SkipUnless(File.Exists("/usr/bin/unshare"), "needs unshare (util-linux)");
}
