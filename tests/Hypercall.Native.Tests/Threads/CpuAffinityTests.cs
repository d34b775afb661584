using Hypercall.Native.Interop;

namespace Hypercall.Native.Tests.Threads;

public sealed class CpuAffinityTests
{
    [Theory]
    [InlineData("0-3", 0, true)]
    [InlineData("0-3", 3, true)]
    [InlineData("0-3", 4, false)]
    [InlineData("0-3,8,16-17\n", 8, true)]
    [InlineData("0-3,8,16-17\n", 17, true)]
    [InlineData("0-3,8,16-17\n", 9, false)]
    [InlineData("0-8191", 5000, true)]
    [InlineData("2", 2, true)]
    [InlineData("12", 2, false)]
    [InlineData("", 0, false)]
    [InlineData("\n", 0, false)]
    [InlineData("0-", 0, false)]
    [InlineData("-1", 0, false)]
    [InlineData("all", 0, false)]
    public void A_list_of_CPUs_is_read_as_the_kernel_writes_it(string list, int cpu, bool contains) =>
        Assert.Equal(contains, CpuList.Contains(list, cpu));

    [Theory]
    [InlineData("0-3,8\n", new[] { 0, 1, 2, 3, 8 })]
    [InlineData("2", new[] { 2 })]
    [InlineData("5-3,7", new[] { 7 })]
    [InlineData("0-2147483647,1-2-3,x,4", new[] { 4 })]
    [InlineData("\n", new int[0])]
    public void A_list_of_CPUs_gives_its_numbers(string list, int[] numbers) => Assert.Equal(numbers, CpuList.Numbers(list));

    [Fact]
    public void A_CPU_that_is_there_and_allowed_is_bound_once()
    {
        FakeCpus kernel = new();
        CpuAffinity affinity = new(2, kernel);

        Assert.Null(affinity.Check());
        Assert.Null(affinity.Meet());
        Assert.Null(affinity.Meet());

        Assert.Equal([2], kernel.Bound);
    }

    [Fact]
    public void A_CPU_that_does_not_exist_is_offline_or_not_allowed_is_refused_with_what_is()
    {
        FakeCpus kernel = new() { Present = "0-7\n", Online = "0-5\n", Allowed = cpu => cpu < 4 };

        Assert.Contains("no such CPU (/sys/devices/system/cpu/present: 0-7)", Refusal(8).Reason, StringComparison.Ordinal);
        Assert.Contains("it is offline (/sys/devices/system/cpu/online: 0-5)", Refusal(7).Reason, StringComparison.Ordinal);
        Assert.Contains("cpu7/online", Refusal(7).Remedy, StringComparison.Ordinal);
        Assert.Contains("may not run there", Refusal(5).Reason, StringComparison.Ordinal);
        Assert.Equal("CPU 5", Refusal(5).Channel);
        Assert.Null(new CpuAffinity(3, kernel).Check());
        Assert.Empty(kernel.Bound);

        ChannelRefusal Refusal(int cpu) => new CpuAffinity(cpu, kernel).Check()!;
    }

    [Fact]
    public void Where_the_kernel_says_nothing_nothing_is_refused_before_it_was_tried() =>
        Assert.Null(new CpuAffinity(9000, new FakeCpus { Present = null, Online = null, Allowed = _ => null }).Check());

    [Fact]
    public void A_thread_that_was_moved_away_is_bound_again_or_refused()
    {
        FakeCpus kernel = new();
        CpuAffinity affinity = new(2, kernel);
        Assert.Null(affinity.Meet());

        kernel.Current = 0; // the CPU went away for a while
        Assert.Null(affinity.Meet());
        Assert.Equal([2, 2], kernel.Bound);

        (kernel.Current, kernel.Online, kernel.BindError) = (0, "0-1", Errno.EINVAL);
        ChannelRefusal refusal = affinity.Meet()!;
        Assert.Contains("it is offline", refusal.Reason, StringComparison.Ordinal);
        Assert.Same(refusal, affinity.Meet());
    }

    [Fact]
    public void An_errno_is_told_as_it_is()
    {
        FakeCpus kernel = new() { BindError = Errno.EPERM };

        ChannelRefusal refusal = new CpuAffinity(2, kernel).Meet()!;

        Assert.Equal(Errno.EPERM, refusal.ErrorCode);
        Assert.Contains("sched_setaffinity: Operation not permitted (EPERM)", refusal.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, "runs on CPU 1 all the same")]
    [InlineData(-1, "getcpu does not say")]
    public void What_a_kernel_says_and_does_not_do_is_not_believed(int stays, string reason)
    {
        FakeCpus kernel = new() { StaysOn = stays };

        Assert.Contains(reason, new CpuAffinity(2, kernel).Meet()!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void The_kernel_is_asked_with_masks_as_long_as_they_have_to_be()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && TestTarget.CanExecute, "sched_setaffinity is Linux's.");
        LinuxCpus cpus = new();

        Assert.True(cpus.Allows(cpus.Current) is true or null);
        Assert.NotEqual(true, cpus.Allows(8000)); // no machine of a test is that large
        Assert.Equal(Errno.EINVAL, cpus.Bind(8000));
        Assert.True(CpuList.Contains(cpus.List("online") ?? "0-8191", cpus.Current));
    }

    private sealed class FakeCpus : ICpuControl
    {
        public int Current { get; set; }

        public int? StaysOn { get; init; }

        public string? Present { get; set; } = "0-7";

        public string? Online { get; set; } = "0-7";

        public Func<int, bool?> Allowed { get; init; } = _ => true;

        public int BindError { get; set; }

        public List<int> Bound { get; } = [];

        public string? List(string name) => name == "online" ? Online : Present;

        public bool? Allows(int cpu) => Allowed(cpu);

        public int Bind(int cpu)
        {
            if (BindError != 0)
            {
                return BindError;
            }

            Bound.Add(cpu);
            Current = StaysOn ?? cpu;
            return 0;
        }
    }
}
