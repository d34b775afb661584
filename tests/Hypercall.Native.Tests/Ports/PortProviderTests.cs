using FsCheck.Xunit;
using Hypercall.Native.Interop;
using Hypercall.Native.Tests.Memory;
using Iced.Intel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hypercall.Native.Tests.Ports;

public sealed class PortProviderTests
{
    private const ushort PostPort = 0x80;      // of the POST card: a read of it does nothing
    private const ushort VmwarePort = 0x5658;

    [Theory]
    [InlineData(PortDirection.In, 1, Code.In_AL_DX, "IN AL, DX")]
    [InlineData(PortDirection.In, 2, Code.In_AX_DX, "IN AX, DX")]
    [InlineData(PortDirection.In, 4, Code.In_EAX_DX, "IN EAX, DX")]
    [InlineData(PortDirection.Out, 1, Code.Out_DX_AL, "OUT DX, AL")]
    [InlineData(PortDirection.Out, 2, Code.Out_DX_AX, "OUT DX, AX")]
    [InlineData(PortDirection.Out, 4, Code.Out_DX_EAX, "OUT DX, EAX")]
    public void The_bytes_are_the_instruction(PortDirection direction, int width, Code code, string mnemonic)
    {
        PortProvider provider = new(VmwarePort, direction, width);
        byte[] bytes = provider.Instruction.Encoding.ToArray();
        Iced.Intel.Instruction decoded = Decoder.Create(64, bytes).Decode();

        Assert.Equal((code, bytes.Length), (decoded.Code, decoded.Length));
        Assert.Equal(mnemonic, provider.Instruction.Mnemonic);
        Assert.Equal("port", provider.Name);
    }

    [Theory]
    [InlineData(0xFFFF, 1, true)]
    [InlineData(0xFFFE, 2, true)]
    [InlineData(0xFFFC, 4, true)]
    [InlineData(0xFFFF, 2, false)]
    [InlineData(0xFFFD, 4, false)]
    [InlineData(0, 0, false)]
    [InlineData(0, 3, false)]
    [InlineData(0, 8, false)]
    public void An_access_stays_within_the_ports(ushort port, int width, bool isFine)
    {
        if (isFine)
        {
            _ = new PortProvider(port, width: width);
        }
        else
        {
            _ = Assert.Throws<ArgumentOutOfRangeException>(() => new PortProvider(port, width: width));
        }
    }

    [Fact]
    public void It_is_usable_on_any_CPU_and_never_its_choice()
    {
        HypercallProbe probe = new PortProvider(VmwarePort).Probe(FakeCpu.Of("AnyCpuOfTest"));

        Assert.Equal((true, false), (probe.IsUsable, probe.IsCpusChoice));
    }

    [Property(Arbitrary = [typeof(RegisterFrames)], MaxTest = 300)]
    public void The_port_goes_into_DX_and_all_else_is_the_callers(HypercallRegisters frame, ushort port)
    {
        EchoChannel inner = new();
        HypercallRegisters registers = frame;

        Assert.True(new PortChannel(inner, port).TryInvoke(ref registers).IsCompleted);

        HypercallRegisters expected = frame;
        expected.Rdx = (frame.Rdx & ~0xFFFFul) | port;
        Assert.Equal(expected, inner.Seen);
        Assert.Equal(expected, registers); // nobody changed it: as the CPU leaves it
    }

    [Property(Arbitrary = [typeof(RegisterFrames)], MaxTest = 100)]
    public void A_call_that_does_not_complete_leaves_the_frame_as_it_was(HypercallRegisters frame, ushort port)
    {
        EchoChannel inner = new() { Status = HypercallStatus.Faulted(new CpuFault(CpuFaultKind.GeneralProtection)) };
        HypercallRegisters registers = frame;

        Assert.False(new PortChannel(inner, port).TryInvoke(ref registers).IsCompleted);

        Assert.Equal(frame, registers);
    }

    [Fact]
    public void A_convention_that_has_something_else_in_DX_is_refused_when_the_function_is_made()
    {
        using NativeMachine vmware = Machine(new PortProvider(VmwarePort));
        using NativeMachine other = Machine(new PortProvider(0x1234));
        HypercallConvention nyx = new(
            "Nyx-port",
            number: GeneralRegister.Rbx,
            arguments: [GeneralRegister.Rcx],
            constants: [new(GeneralRegister.Rax, 0x8080_801F)]);

        _ = new HypercallFunction(vmware, HypercallConvention.VmwarePort, 10);
        _ = new HypercallFunction(other, nyx, 0);
        string constant = Assert.Throws<ArgumentException>(
            () => new HypercallFunction(other, HypercallConvention.VmwarePort, 10)).Message;
        string argument = Assert.Throws<ArgumentException>(
            () => new HypercallFunction(vmware, HypercallConvention.BitVisor, 1)).Message;

        Assert.Contains("[15:0] = 0x5658 where this channel itself puts RDX[15:0] = 0x1234", constant, StringComparison.Ordinal);
        Assert.Contains("'BitVisor' puts an argument where this channel itself puts RDX", argument, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(PostPort, 1)]
    [InlineData(VmwarePort, 4)]
    public void Without_permission_the_fault_is_a_result(int port, int width)
    {
        using NativeMachine machine = Machine(new PortProvider((ushort)port, width: width));
        HypercallRegisters sent = new() { Rax = 0x7E57, Rcx = 10, Rdx = 0xAAAA_BBBB };
        HypercallRegisters registers = sent;

        HypercallStatus status = machine.Channel.TryInvoke(ref registers);

        Assert.SkipWhen(
            status.IsCompleted, "This process may read the port: a VMM serves it to user mode, or it has the permission.");
        Assert.Equal((CpuFaultKind.GeneralProtection, 13), (status.Fault.Kind, status.Fault.TrapNumber));
        Assert.Equal(sent, registers);
        string message = status.ToException().Message;
        Assert.Contains($"no permission for port 0x{port:x} (IN, {width} byte", message, StringComparison.Ordinal);
        Assert.Contains("withPermission: true", message, StringComparison.Ordinal);
        Assert.Null(new PortProvider(PostPort).Advise(new CpuFault(CpuFaultKind.InvalidOpcode)));
        string? advice = new PortProvider(PostPort, withPermission: true).Advise(status.Fault);
        Assert.Contains("most likely the VMM", advice, StringComparison.Ordinal);
    }

    /// <summary>On a kernel that gives permissions; the seam's tests are in <see cref="PortPermissionTests"/>.</summary>
    [Fact]
    public void With_permission_the_channel_reads_the_port_and_no_other_thread_does()
    {
        Host.NeedsRoot();
        PortProvider provider = new(PostPort, width: 1, withPermission: true);
        HypercallProbe probe = provider.Probe(new NativeCpuid());
        Assert.SkipUnless(probe.IsUsable, $"{probe.Reason}. {probe.Remedy}");
        using NativeMachine machine = Machine(provider);
        using NativeMachine without = Machine(new PortProvider(PostPort, width: 1));
        Assert.SkipWhen(Read(without).IsCompleted, "This process may read the port without.");

        Assert.True(Read(machine).IsCompleted);
        Assert.Equal(CpuFaultKind.GeneralProtection, Read(without).Fault.Kind); // this thread
        HypercallStatus other = default;
        Thread thread = new(() => other = Read(without));
        thread.Start();
        thread.Join();
        Assert.Equal(CpuFaultKind.GeneralProtection, other.Fault.Kind); // another one
        IHypercallChannel channel = machine.Channel;
        machine.Dispose();
        Assert.Equal(CpuFaultKind.GeneralProtection, Read(without).Fault.Kind);
        _ = Assert.Throws<ObjectDisposedException>(() =>
        {
            HypercallRegisters registers = default;
            _ = channel.TryInvoke(ref registers);
        });
    }

    [Fact]
    public void What_this_kernel_says_to_a_permission_is_told_and_nothing_is_executed()
    {
        PortProvider provider = new(PostPort, width: 1, withPermission: true);
        using NativeMachine machine = Machine(provider);
        HypercallProbe probe = provider.Probe(machine.Cpuid);
        HypercallStatus status = Read(machine);

        Assert.False(status.IsFaulted);
        Assert.True(probe.IsUsable || status.IsRefused, $"the probe says: {probe.Reason}; the call: {status}");
    }

    [Fact]
    public void A_process_without_rights_is_told_why_and_ends_although_nobody_disposed()
    {
        Dictionary<string, string> without = Probe.Run(asNobody: true, "--read-port", "80");
        Dictionary<string, string> with = Probe.Run(asNobody: true, "--read-port-with-permission", "80");

        Assert.Equal("#GP", without["status"]);
        Assert.Equal("refused", with["status"]);
        Assert.Contains("CAP_SYS_RAWIO", with["probe"], StringComparison.Ordinal);
        string why = with["errno"] == $"{Errno.ENOSYS}" ? "CONFIG_X86_IOPL_IOPERM" : "no CAP_SYS_RAWIO";
        Assert.Contains(why, with["message"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ENOSYS", "ENOSYS", 38, "CONFIG_X86_IOPL_IOPERM")]
    [InlineData("EPERM", "EPERM", 1, "Operation not permitted (EPERM)")]
    [InlineData("EACCES", "EIO", 13, "That is all that the kernel says")]
    public void What_a_sandbox_answers_is_told_as_its_errno(string permission, string level, int errno, string text)
    {
        string[] rules = [$"ioperm={permission}", $"iopl={level}"];
        Dictionary<string, string> told = Probe.RunInSandbox(asNobody: false, rules, "--read-port-with-permission", "80");

        Assert.Equal(("refused", $"{errno}"), (told["status"], told["errno"]));
        Assert.Contains(text, told["message"], StringComparison.Ordinal);
        Assert.Contains("Nothing was executed", told["message"], StringComparison.Ordinal);
    }

    /// <summary>A host that says yes and gives nothing: what follows is a fault, and a result.</summary>
    [Fact]
    public void A_permission_that_is_not_given_in_truth_is_a_fault_and_no_death()
    {
        Dictionary<string, string> told = Probe.RunInSandbox(asNobody: false, ["ioperm=0"], "--read-port-with-permission", "80");

        Assert.Equal("#GP", told["status"]);
    }

    [Fact]
    public void AddPort_registers_each_port_once_and_wants_a_name_for_each()
    {
        ServiceCollection services = new();
        _ = services.AddHypercall(vmm => vmm.AddPort(VmwarePort).AddPort(PostPort, width: 1, name: "post").AddCpuid());
        _ = services.AddHypercall(vmm => vmm.AddPort(VmwarePort).AddCpuid());
        _ = services.AddKeyedHypercall("other", vmm => vmm.AddPort(PostPort));

        ArgumentException error = Assert.Throws<ArgumentException>(() => services.AddHypercall(vmm => vmm.AddPort(0x1234)));

        Assert.Contains("name: \"port 0x1234\"", error.Message, StringComparison.Ordinal);
        using ServiceProvider provider = services.BuildServiceProvider();
        Assert.Equal(["port", "post", "cpuid"], provider.GetServices<IHypercallProvider>().Select(one => one.Name));
        Assert.Equal(["port"], provider.GetKeyedServices<IHypercallProvider>("other").Select(one => one.Name));
    }

    [Fact]
    public void The_container_disposes_the_machine_and_with_it_the_channel()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && TestTarget.CanExecute, "Permissions for ports are Linux's.");
        ServiceCollection services = new();
        _ = services.AddHypercall(vmm =>
            vmm.AddPort(PostPort, width: 1, withPermission: true).Configure(options => options.Provider = "port"));
        ServiceProvider provider = services.BuildServiceProvider();
        IHypercallChannel channel = provider.GetRequiredService<IHypercallChannel>();
        HypercallRegisters registers = default;
        _ = channel.TryInvoke(ref registers);

        provider.Dispose();

        _ = Assert.Throws<ObjectDisposedException>(() => channel.TryInvoke(ref registers));
    }

    [Fact]
    public void A_port_that_needs_permission_can_be_bound_to_a_CPU_on_the_same_thread()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && TestTarget.CanExecute, "Permissions for ports are Linux's.");
        using NativeMachine machine = Machine(new PortProvider(PostPort, width: 1, withPermission: true));
        HypercallTarget target = machine.Target;

        IHypercallChannel port = target.Provider.Open(target, NullLoggerFactory.Instance);
        LinuxCpus cpus = new();
        using OwnThreadChannel bound = OwnThreadChannel.With(port, "CPU", new CpuAffinity(cpus.Current, cpus));

        Assert.Equal(new RegisterField(GeneralRegister.Rdx, 0, 16), Assert.Single(bound.Constants).Key);
        HypercallRegisters registers = default;
        Assert.False(bound.TryInvoke(ref registers).IsFaulted);
    }

    private static NativeMachine Machine(PortProvider provider)
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && TestTarget.CanExecute, "What a port does to user mode is known for Linux.");
        return new NativeMachine([provider], new HypercallOptions { Provider = provider.Name }); // opened whatever the probe says
    }

    private static HypercallStatus Read(NativeMachine machine)
    {
        HypercallRegisters registers = default;
        return machine.Channel.TryInvoke(ref registers);
    }

    private sealed class EchoChannel : IHypercallChannel
    {
        public HypercallStatus Status { get; init; }

        public HypercallRegisters Seen { get; private set; }

        public HypercallStatus TryInvoke(ref HypercallRegisters registers)
        {
            Seen = registers;
            return Status;
        }
    }
}
