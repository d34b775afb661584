using System.Runtime.InteropServices;
using Hypercall.Amd;
using Hypercall.Intel;
using Hypercall.Native.Execution;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NSubstitute;

namespace Hypercall.Native.Tests;

public sealed class NativeMachineTests
{
    [Theory]
    [InlineData("GenuineIntel", "VMCALL")]
    [InlineData("CentaurHauls", "VMCALL")]
    [InlineData("  Shanghai  ", "VMCALL")]
    [InlineData("AuthenticAMD", "VMMCALL")]
    [InlineData("HygonGenuine", "VMMCALL")]
    public void The_vendor_string_decides_which_instruction(string vendor, string instruction)
    {
        NativeMachine machine = On(FakeCpu.Of(vendor), new HypercallOptions());

        Assert.Equal(instruction, machine.Target.Way);
        Assert.Equal(vendor, machine.Target.Cpu.Vendor);
    }

    [Fact]
    public void Feature_bits_do_not_decide()
    {
        ICpuid cpuid = FakeCpu.Of("AuthenticAMD");
        _ = cpuid.Query(1).Returns(new CpuidResult(0, 0, 1 << 5, 0)); // says VMX

        CpuIdentity cpu = On(cpuid, new HypercallOptions()).Target.Cpu;

        Assert.True(cpu.VmxReported);
        Assert.False(cpu.SvmReported);
        Assert.Equal("VMMCALL", On(cpuid, new HypercallOptions()).Target.Way);
    }

    [Fact]
    public void A_vendor_that_nobody_serves_is_an_error_that_lists_the_CPU_and_the_providers()
    {
        NativeMachine machine = On(FakeCpu.Of("VIA VIA VIA "), new HypercallOptions());

        HypercallProviderException error = Assert.Throws<HypercallProviderException>(() => machine.Channel);

        Assert.Equal(0, error.Matches);
        Assert.Contains("'VIA VIA VIA '", error.Message, StringComparison.Ordinal);
        Assert.Contains("Intel: it is for CPU vendor", error.Message, StringComparison.Ordinal);
        Assert.Contains("any vendor string", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_providers_that_serve_one_CPU_are_an_error()
    {
        NativeMachine machine = new(
            [new IntelProvider(), new NopProvider { Vendor = "GenuineIntel" }], null, null, null, FakeCpu.Of("GenuineIntel"), NativePlatform.Current);

        Assert.Equal(2, Assert.Throws<HypercallProviderException>(() => machine.Target).Matches);
    }

    [Theory]
    [InlineData("intel", "VMCALL")]
    [InlineData("AMD", "VMMCALL")]
    public void The_choice_can_be_forced_on_any_CPU(string forced, string instruction)
    {
        NativeMachine machine = On(FakeCpu.Of("VIA VIA VIA "), new HypercallOptions { Provider = forced });

        Assert.Equal(instruction, machine.Target.Way);
    }

    [Theory]
    [InlineData(Architecture.Arm64, "LINUX", "Arm64")]
    [InlineData(Architecture.X86, "WINDOWS", "32-bit")]
    [InlineData(Architecture.X64, null, "operating system")]
    public void A_platform_that_cannot_says_so_when_a_channel_is_asked_for_and_not_before(Architecture process, string? os, string says)
    {
        NativePlatform platform = new(os is null ? null : OSPlatform.Create(os), process);
        NativeMachine machine = new([new IntelProvider()], null, null, null, FakeCpu.Of("GenuineIntel"), platform);

        Assert.Equal("VMCALL", machine.Target.Way);
        PlatformNotSupportedException error = Assert.Throws<PlatformNotSupportedException>(() => machine.Channel);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.Contains("AddFakeMachine", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_third_vendor_is_one_class_and_one_extension_method()
    {
        Assert.SkipUnless(TestTarget.CanExecute, "Machine code is emitted for x86-64 on Linux and Windows only.");
        ServiceCollection services = new();
        _ = services.AddHypercall(vmm => vmm.AddNop().AddNop());
        using ServiceProvider provider = services.BuildServiceProvider();
        HypercallRegisters registers = new() { Rax = 5 };

        HypercallStatus status = provider.GetRequiredService<IHypercallChannel>().TryInvoke(ref registers);

        Assert.True(status.IsCompleted);
        Assert.Equal(5ul, registers.Rax);
        Assert.Equal("Nop", provider.GetRequiredService<HypercallTarget>().ProviderName);
        _ = Assert.IsType<NativeMachine>(provider.GetRequiredService<IHypercallMachine>());
    }

    [Fact]
    public void Both_vendors_register_in_one_line_and_only_once()
    {
        ServiceCollection services = new();
        _ = services.AddHypercall(vmm => vmm.AddIntel().AddAmd().AddIntel());
        using ServiceProvider provider = services.BuildServiceProvider();

        Assert.Equal(["Intel", "AMD"], provider.GetServices<IHypercallProvider>().Select(one => one.Name));
        Assert.Same(provider.GetRequiredService<IHypercallMachine>(), provider.GetRequiredService<IHypercallMachine>());
    }

    [Fact]
    public void A_provider_that_is_not_registered_is_an_options_error()
    {
        ServiceCollection services = new();
        _ = services.AddHypercall(vmm => vmm.AddIntel().AddAmd().Configure(options => options.Provider = "Arm"));
        using ServiceProvider provider = services.BuildServiceProvider();

        OptionsValidationException error = Assert.Throws<OptionsValidationException>(provider.GetRequiredService<IHypercallChannel>);
        Assert.Contains("Intel, AMD", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("left")]
    public void Two_providers_that_can_be_used_fail_at_validation_unless_one_is_named(string? key)
    {
        Assert.SkipUnless(TestTarget.CanExecute, "CPUID is executed on x86-64 only.");
        ServiceCollection services = new();
        _ = key is null ? services.AddHypercall(Both) : services.AddKeyedHypercall(key, Both);
        using (ServiceProvider provider = services.BuildServiceProvider())
        {
            OptionsValidationException error = Assert.Throws<OptionsValidationException>(() => Options(provider));
            Assert.Contains("2 registered providers could serve", error.Message, StringComparison.Ordinal);
            Assert.Contains("Nop (NOP), Other (FNOP)", error.Message, StringComparison.Ordinal);
        }

        _ = services.Configure<HypercallOptions>(key ?? Microsoft.Extensions.Options.Options.DefaultName, options => options.Provider = "other");
        using ServiceProvider named = services.BuildServiceProvider();
        Assert.Equal("other", Options(named).Provider);
        Assert.Equal("Other", named.GetRequiredKeyedService<HypercallTarget>(key).ProviderName);

        HypercallOptions Options(ServiceProvider provider) => provider.GetRequiredService<IOptionsMonitor<HypercallOptions>>().Get(key);
        static void Both(IHypercallBuilder vmm) => vmm.AddNop().AddNativeProvider<OtherProvider>();
    }

    [Fact]
    public void Providers_that_no_machine_of_this_CPU_uses_are_not_probed()
    {
        ServiceCollection services = new();
        _ = services.AddHypercall(vmm => vmm.UseMachine(_ => Substitute.For<IHypercallMachine>()).AddNop().AddNativeProvider<OtherProvider>());
        using ServiceProvider provider = services.BuildServiceProvider();

        Assert.Null(provider.GetRequiredService<IOptionsMonitor<HypercallOptions>>().CurrentValue.Provider);
    }

    [Fact]
    public void The_choice_is_logged_and_the_switch_too()
    {
        Assert.SkipUnless(TestTarget.CanExecute, "Machine code is emitted for x86-64 on Linux and Windows only.");
        using RecordingLogger logger = new();
        NativeMachine machine = new(
            [new NopProvider { Vendor = "AuthenticAMD", Encoding = TestTarget.Ud2, Mnemonic = "UD2" }, new NopProvider { Vendor = "nobody" }],
            new HypercallOptions { TryOtherInstruction = true }, logger, null, FakeCpu.Of("AuthenticAMD"), NativePlatform.Current);
        HypercallRegisters registers = default;

        Assert.True(machine.Channel.TryInvoke(ref registers).IsCompleted);

        Assert.Contains(logger.Entries, entry => entry.Level == LogLevel.Debug && entry.Message.Contains("go out by UD2 on AuthenticAMD", StringComparison.Ordinal));
        Assert.Contains(logger.Entries, entry => entry.Level == LogLevel.Information && entry.Message.Contains("UD2 raised #UD", StringComparison.Ordinal));
    }

    [Fact]
    public void Without_the_opt_in_the_other_instruction_is_not_tried()
    {
        Assert.SkipUnless(TestTarget.CanExecute, "Machine code is emitted for x86-64 on Linux and Windows only.");
        NativeMachine machine = new(
            [new NopProvider { Vendor = "AuthenticAMD", Encoding = TestTarget.Ud2, Mnemonic = "UD2" }, new NopProvider { Vendor = "nobody" }],
            null, null, null, FakeCpu.Of("AuthenticAMD"), NativePlatform.Current);
        HypercallRegisters registers = default;

        Assert.Equal(CpuFaultKind.InvalidOpcode, machine.Channel.TryInvoke(ref registers).Fault.Kind);
        Assert.Same(machine.Channel, machine.Channel);
    }

    /// <summary>
    /// KVM refuses user mode whatever the call is (arch/x86/kvm/x86.c, kvm_emulate_hypercall), and writes nothing but RAX.
    /// </summary>
    [Fact]
    public void On_KVM_the_right_instruction_gives_minus_1_and_keeps_every_other_register()
    {
        (string right, _) = InstructionsOfKvm();
        HypercallRegisters before = default;
        foreach (GeneralRegister register in HypercallRegisters.All)
        {
            before[register] = 0x7E57_0000_0000_0000 + (ulong)register;
        }

        HypercallRegisters after = before;
        HypercallStatus status = Forced(right).Channel.TryInvoke(ref after);

        Assert.True(status.IsCompleted);
        Assert.Equal(before with { Rax = ulong.MaxValue }, after); // -EPERM
    }

    [Fact]
    public void On_KVM_the_other_instruction_raises_the_fault_of_its_vendor_and_changes_no_register()
    {
        (_, string wrong) = InstructionsOfKvm();
        HypercallRegisters registers = new() { Rax = 0x7E57, Rbx = 1 };

        CpuFault fault = Forced(wrong).Channel.TryInvoke(ref registers).Fault;

        Assert.Equal(
            wrong == "VMCALL"
                ? (CpuFaultKind.GeneralProtection, 11u, 13, 0ul, false)  // AMD: SIGSEGV, #GP
                : (CpuFaultKind.PageFault, 11u, 14, 7ul, true),          // Intel: KVM writes VMCALL in its place, and the page is not writable: user, write, present
            (fault.Kind, fault.Code, fault.TrapNumber, fault.ErrorCode, fault.IsOnInstruction));
        Assert.Equal((0x7E57ul, 1ul), (registers.Rax, registers.Rbx));
    }

    [Fact]
    public unsafe void On_KVM_on_Intel_the_instruction_that_KVM_tried_to_patch_stays_as_it_was()
    {
        (_, string wrong) = InstructionsOfKvm();
        Assert.SkipUnless(wrong == "VMMCALL", "Only on Intel does KVM try to patch VMMCALL.");
        NativeMachine machine = Forced(wrong);
        for (int i = 0; i < 2; i++)
        {
            HypercallRegisters registers = default;
            CpuFault fault = machine.Channel.TryInvoke(ref registers).Fault;

            Assert.Equal(fault.InstructionAddress, fault.Address); // CR2
            Assert.Equal([0x0F, 0x01, 0xD9], new ReadOnlySpan<byte>((void*)fault.Address.Value, 3).ToArray());
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void On_KVM_either_instruction_may_come_first(bool rightFirst)
    {
        (string right, string wrong) = InstructionsOfKvm();
        foreach (string instruction in rightFirst ? (string[])[right, wrong, right] : [wrong, right, wrong])
        {
            HypercallRegisters registers = new() { Rax = 1 };

            Assert.Equal(instruction == right, Forced(instruction).Channel.TryInvoke(ref registers).IsCompleted);
            Assert.Equal(instruction == right ? ulong.MaxValue : 1ul, registers.Rax);
        }
    }

    private static (string Right, string Wrong) InstructionsOfKvm()
    {
        Assert.SkipUnless(TestTarget.CanExecute, "Machine code is emitted for x86-64 on Linux and Windows only.");
        CpuIdentity cpu = CpuIdentity.Read(new NativeCpuid());
        Assert.SkipUnless(
            cpu is { Vendor: "AuthenticAMD" or "GenuineIntel", HypervisorSignature: "KVMKVMKVM" },
            $"What the instructions do is known for KVM on AMD and on Intel; this is '{cpu.HypervisorSignature}' on {cpu.Vendor}.");
        return cpu.Vendor == "AuthenticAMD" ? ("VMMCALL", "VMCALL") : ("VMCALL", "VMMCALL");
    }

    private static NativeMachine Forced(string instruction) =>
        new([new IntelProvider(), new AmdProvider()], new HypercallOptions { Provider = instruction == "VMCALL" ? "Intel" : "AMD" });

    private static NativeMachine On(ICpuid cpuid, HypercallOptions options) =>
        new([new IntelProvider(), new AmdProvider()], options, null, null, cpuid, NativePlatform.Current);

    private sealed class OtherProvider() : InstructionProvider("Other", new HypercallInstruction("FNOP", [0xD9, 0xD0]))
    {
        public override HypercallProbe Probe(ICpuid cpuid) => HypercallProbe.Usable;
    }
}
