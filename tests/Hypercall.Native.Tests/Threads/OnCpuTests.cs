using Hypercall.Native.Tests.Memory;

namespace Hypercall.Native.Tests.Threads;

/// <summary>Calls that are bound to a CPU, on this machine's CPUs.</summary>
public sealed class OnCpuTests
{
    // RDTSCP gives IA32_TSC_AUX in ECX, where Linux keeps the CPU's number in bits 11:0 (arch/x86/include/asm/segment.h,
    // vdso_encode_cpunode).
    private static readonly byte[] ReadCpuNumber = [0x0F, 0x01, 0xF9];

    [Fact]
    public void Every_call_is_made_on_that_CPU()
    {
        using NativeMachine machine = Machine();
        foreach (int cpu in Allowed())
        {
            HypercallRegisters[] frames = new HypercallRegisters[20];

            Assert.True(machine.OnCpu(cpu).Channel.TryInvokeAll(frames, out _).IsCompleted);

            Assert.All(frames, frame => Assert.Equal((ulong)cpu, frame.Rcx & 0xFFF));
        }
    }

    [Fact]
    public void A_function_is_bound_too_and_keeps_all_else()
    {
        using NativeMachine machine = Machine();
        int last = Allowed()[^1];
        HypercallConvention convention = new("test", GeneralRegister.Rbx, [GeneralRegister.Rsi], result: GeneralRegister.Rcx);

        HypercallFunction function = new HypercallFunction(machine, convention, 5, "five", TransferLayout.Address(0)).OnCpu(last);

        Assert.Equal((ulong)last, function.Call(1).Value & 0xFFF);
        Assert.Equal((5ul, "five", convention), (function.Number, function.Name, function.Convention));
        Assert.NotNull(function.Layout);
    }

    [Fact]
    public void CPUID_is_that_CPUs_own()
    {
        using NativeMachine machine = Machine();
        int[] cpus = Allowed();
        Assert.SkipWhen(cpus.Length < 2, "This process may run on one CPU only.");

        // Leaf 1, EBX[31:24]: the initial APIC ID (Intel SDM vol. 2A, CPUID; AMD APM vol. 3, E.3.2). Several times: it stays.
        for (int i = 0; i < 10; i++)
        {
            Assert.NotEqual(Id(cpus[0]), Id(cpus[1]));
        }

        uint Id(int cpu) => machine.OnCpu(cpu).Cpuid.Query(1).Ebx >> 24;
    }

    [Fact]
    public void The_same_CPU_is_the_same_machine_with_the_same_memory()
    {
        using NativeMachine machine = Machine();
        int cpu = Allowed()[0];
        IHypercallMachine bound = machine.OnCpu(cpu);

        Assert.Same(bound, machine.OnCpu(cpu));
        Assert.Same(bound, bound.OnCpu(cpu));
        Assert.Same(machine.Memory, bound.Memory);
        Assert.Same(bound.Channel, bound.Channel);
        Assert.NotSame(machine.Channel, bound.Channel);
        Assert.Equal(machine.Target, bound.Target);
    }

    [Fact]
    public void A_CPU_that_is_not_there_is_refused()
    {
        using NativeMachine machine = Machine();

        HypercallRefusedException error = Assert.Throws<HypercallRefusedException>(() => machine.OnCpu(8000));

        Assert.Equal("CPU 8000", error.Refusal.Channel);
        Assert.False(error.IsTransient);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => machine.OnCpu(-1));
    }

    [Fact]
    public void It_ends_with_the_machine()
    {
        NativeMachine machine = Machine();
        IHypercallMachine bound = machine.OnCpu(Allowed()[0]);
        IHypercallChannel channel = bound.Channel;
        HypercallRegisters registers = default;
        Assert.True(channel.TryInvoke(ref registers).IsCompleted);
        _ = bound.Cpuid.Query(0);

        machine.Dispose();

        _ = Assert.Throws<ObjectDisposedException>(() => channel.TryInvoke(ref registers));
        _ = Assert.Throws<ObjectDisposedException>(() => bound.Cpuid.Query(0));
        _ = Assert.Throws<ObjectDisposedException>(() => machine.OnCpu(0));
        _ = Assert.Throws<ObjectDisposedException>(() => machine.Channel);
    }

    [Fact]
    public void A_process_that_was_given_one_CPU_is_refused_the_others()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/taskset"), "needs taskset (util-linux)");
        int[] cpus = Allowed();
        Assert.SkipWhen(cpus.Length < 2, "This process may run on one CPU only.");
        string[] onTheFirst = ["/usr/bin/taskset", "-c", $"{cpus[0]}"];

        Dictionary<string, string> refused = Probe.RunBehind([.. onTheFirst], "--on-cpu", $"{cpus[1]}");
        Dictionary<string, string> completed = Probe.RunBehind([.. onTheFirst], "--on-cpu", $"{cpus[0]}");

        Assert.Equal("refused at once", refused["status"]);
        Assert.Contains("sched_getaffinity) leaves it out", refused["message"], StringComparison.Ordinal);
        Assert.Equal("completed", completed["status"]);
    }

    [Fact]
    public void A_sandbox_that_binds_no_thread_is_told()
    {
        // Argument 1 is the mask's length: the runtime asks at its start, too, with a shorter one.
        string cpu = $"{Allowed()[0]}";
        Dictionary<string, string> refused = Probe.RunInSandbox(false, ["sched_setaffinity.1.128=EPERM"], "--on-cpu", cpu);
        Dictionary<string, string> lies = Probe.RunInSandbox(false, ["sched_setaffinity.1.128=0"], "--on-cpu", cpu);

        Assert.Equal(("refused", "1"), (refused["status"], refused["errno"]));
        Assert.Contains("sched_setaffinity: Operation not permitted (EPERM)", refused["message"], StringComparison.Ordinal);
        bool isThereAlready = lies["status"] == "completed";
        Assert.True(isThereAlready || lies["message"].Contains("all the same", StringComparison.Ordinal), lies["message"]);
    }

    private static NativeMachine Machine()
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && TestTarget.CanExecute, "Calls are bound to a CPU on Linux on x86-64 only.");
        // APM vol. 3, E.4.2
        Assert.SkipUnless(
            (new NativeCpuid().Query(0x8000_0001).Edx & (1u << 27)) != 0, "This CPU has no RDTSCP.");
        return new NativeMachine([new NopProvider { Encoding = ReadCpuNumber, Mnemonic = "RDTSCP" }]);
    }

    private static int[] Allowed()
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && TestTarget.CanExecute, "Calls are bound to a CPU on Linux on x86-64 only.");
        return [.. Enumerable.Range(0, 64).Where(cpu => new LinuxCpus().Allows(cpu) == true)];
    }
}
