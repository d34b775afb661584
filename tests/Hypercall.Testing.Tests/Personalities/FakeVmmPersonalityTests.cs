using Hypercall.BitVisor;
using static Hypercall.CpuFaultKind;

namespace Hypercall.Testing.Tests;

public sealed class FakeVmmPersonalityTests
{
    private static readonly HypercallInstruction Vmcall = new("VMCALL", [0x0F, 0x01, 0xC1]);
    private static readonly HypercallInstruction Vmmcall = new("VMMCALL", [0x0F, 0x01, 0xD9]);
    private static readonly CpuIdentity Intel = new() { Vendor = "GenuineIntel" };

    [Fact]
    public void KVM_answers_minus_one_to_every_call_and_changes_nothing_else()
    {
        foreach (ulong number in new ulong[] { 0, 1, 4, 127, 1000 })
        {
            HypercallRegisters registers = new() { Rax = number, Rbx = 1, R15 = 2 };

            new FakeMachine(FakeVmmPersonality.Kvm).On("foo", call => call.Rax = 1).Channel.Invoke(ref registers);

            Assert.Equal(new HypercallRegisters { Rax = ulong.MaxValue, Rbx = 1, R15 = 2 }, registers);
        }
    }

    [Fact]
    public void KVM_is_another_ABI_to_a_look_up() =>
        Assert.Equal(VmmLookupOutcome.ForeignAbi, new BitVisorClient(new FakeMachine(FakeVmmPersonality.Kvm)).TryGetFunction("boot").Outcome);

    [Fact]
    public void A_deaf_VMM_completes_and_changes_nothing()
    {
        FakeMachine fake = new(FakeVmmPersonality.Deaf);
        HypercallRegisters registers = new() { Rax = 1, Rbx = 2 };
        HypercallRegisters expected = registers;

        fake.Channel.Invoke(ref registers);

        Assert.Equal(expected, registers);
        Assert.Equal(1, fake.Calls);
        Assert.Equal(VmmPresence.Absent, new BitVisorClient(fake).DetectPresence().Presence);
    }

    [Fact]
    public void Without_a_VMM_every_call_raises_UD_and_no_register_changes()
    {
        FakeMachine fake = new(FakeVmmPersonality.None);
        foreach (HypercallInstruction instruction in new[] { Vmcall, Vmmcall })
        {
            HypercallRegisters registers = new() { Rax = 1, Rbx = 2 };
            HypercallRegisters expected = registers;

            HypercallStatus status = fake.OpenChannel(instruction).TryInvoke(ref registers);

            Assert.Equal((CpuFaultKind.InvalidOpcode, 6, 4u), (status.Fault.Kind, status.Fault.TrapNumber, status.Fault.Code));
            Assert.Equal(expected, registers);
        }

        Assert.Equal(0, fake.Calls);
        Assert.False(fake.Cpu.HypervisorPresent);
    }

    [Fact]
    public void A_fault_names_the_CPU_and_the_instruction()
    {
        HypercallRegisters registers = default;

        HypercallStatus status = new FakeMachine(FakeVmmPersonality.None).Channel.TryInvoke(ref registers);

        Assert.Equal("VMMCALL on AuthenticAMD", status.Fault.Target?.ToString());
        Assert.Equal("AMD", status.Fault.Target?.ProviderName);
        Assert.Equal(status.Fault.InstructionAddress, status.Fault.Address);
        Assert.NotEqual(0ul, status.Fault.InstructionAddress.Value);
        Assert.Equal("none", FaultOf(new FakeMachine(), new HypercallInstruction("UD2", [0x0F, 0x0B])).Target?.ProviderName);
    }

    [Fact]
    public void The_other_vendors_instruction_raises_UD_under_BitVisor()
    {
        Assert.Equal(CpuFaultKind.InvalidOpcode, FaultOf(new FakeMachine(), Vmcall).Kind);
        Assert.Equal(CpuFaultKind.InvalidOpcode, FaultOf(new FakeMachine { Cpu = Intel }, Vmmcall).Kind);
    }

    [Fact]
    public void KVM_on_AMD_raises_GP_for_VMCALL()
    {
        CpuFault fault = FaultOf(new FakeMachine(FakeVmmPersonality.Kvm), Vmcall);

        Assert.Equal((CpuFaultKind.GeneralProtection, 13, 11u, 0ul), (fault.Kind, fault.TrapNumber, fault.Code, fault.Address.Value));
    }

    [Fact]
    public void KVM_on_Intel_raises_PF_on_the_instruction_itself_for_VMMCALL()
    {
        CpuFault fault = FaultOf(new FakeMachine(FakeVmmPersonality.Kvm) { Cpu = Intel }, Vmmcall);

        Assert.Equal((CpuFaultKind.PageFault, 14, 11u, 7ul), (fault.Kind, fault.TrapNumber, fault.Code, fault.ErrorCode));
        Assert.True(fault.IsOnInstruction);
        Assert.Contains("patch the instruction", fault.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void An_instruction_that_is_no_hypercall_raises_UD_under_every_VMM()
    {
        HypercallInstruction ud2 = new("UD2", [0x0F, 0x0B]);
        foreach (FakeVmmPersonality personality in FakeVmmPersonality.All)
        {
            Assert.Equal(CpuFaultKind.InvalidOpcode, FaultOf(new FakeMachine(personality), ud2).Kind);
        }
    }

    [Theory]
    [InlineData("AuthenticAMD", "VMMCALL")]
    [InlineData("HygonGenuine", "VMMCALL")]
    [InlineData("GenuineIntel", "VMCALL")]
    [InlineData("CentaurHauls", "VMCALL")]
    [InlineData("  Shanghai  ", "VMCALL")]
    public void The_vendor_decides_which_instruction_reaches_the_VMM(string vendor, string instruction)
    {
        FakeMachine fake = new() { Cpu = new CpuIdentity { Vendor = vendor } };

        Assert.Equal(instruction, fake.Target.Way);
        Assert.True(new BitVisorClient(fake).DetectPresence().IsPresent);
    }

    [Fact]
    public void A_vendor_that_nobody_knows_has_no_target_but_answers_whichever_instruction_is_forced()
    {
        FakeMachine fake = new() { Cpu = new CpuIdentity { Vendor = "ResearchHypv" } };

        _ = Assert.Throws<HypercallProviderException>(() => fake.Target);
        _ = Assert.Throws<HypercallProviderException>(() => fake.Channel);
        Assert.True(new BitVisorClient(fake.WithChannel(fake.OpenChannel(Vmcall))).DetectPresence().IsPresent);
    }

    [Fact]
    public void A_channel_that_was_opened_on_another_CPU_raises_UD()
    {
        FakeMachine fake = new();
        IHypercallChannel before = fake.Channel;

        fake.Cpu = Intel;

        HypercallRegisters registers = new() { Rax = 1 };
        Assert.False(before.TryInvoke(ref registers).IsCompleted);
        Assert.True(fake.Channel.TryInvoke(ref registers).IsCompleted);
    }

    [Fact]
    public void A_personality_can_change_and_the_functions_stay()
    {
        FakeMachine fake = new FakeMachine().On("foo", call => call.Rax = 7);
        HypercallFunction foo = new BitVisorClient(fake).GetFunction("foo");

        fake.Personality = FakeVmmPersonality.Kvm;
        Assert.Equal(ulong.MaxValue, foo.Call().Rax);
        fake.Personality = FakeVmmPersonality.BitVisor;
        Assert.Equal(7ul, foo.Call().Rax);
    }

    [Fact]
    public void The_CPU_follows_the_personality_until_it_is_set()
    {
        FakeMachine fake = new();
        Assert.Equal((false, ""), (fake.Cpu.HypervisorPresent, fake.Cpu.HypervisorSignature));

        fake.Personality = FakeVmmPersonality.Kvm;
        Assert.Equal((true, "KVMKVMKVM"), (fake.Cpu.HypervisorPresent, fake.Cpu.HypervisorSignature));

        fake.Cpu = Intel;
        fake.Personality = FakeVmmPersonality.BitVisor;
        Assert.Equal("GenuineIntel", fake.Cpu.Vendor);
    }

    [Fact]
    public void No_personality_is_refused()
    {
        Assert.Throws<ArgumentNullException>("value", () => _ = new FakeMachine((FakeVmmPersonality)null!));
        Assert.Throws<ArgumentNullException>("value", () => new FakeMachine().Personality = null!);
    }

    [Fact]
    public void Ones_own_is_one_class()
    {
        FakeMachine fake = new FakeMachine(new MyVmm()).On(HypercallConvention.Xen, 7, call => call.Result = call.Argument(0) + call.Argument(4));

        Assert.Equal(3ul, new HypercallFunction(fake, HypercallConvention.Xen, 7).Call(1, 0, 0, 0, 2).Value);
        Assert.Equal(0xDEADul, new HypercallFunction(fake, HypercallConvention.Xen, 8).Call().Value);
        Assert.Equal((false, "AuthenticAMD"), (fake.Cpu.HypervisorPresent, fake.Cpu.Vendor));
        Assert.Empty(fake.Personality.Rules);
        Assert.Equal("new MyVmm()", fake.Personality.ToCSharp());
        Assert.Equal("MyVmm", fake.Personality.ToString());
    }

    [Fact]
    public void The_CSharp_of_a_ready_one_is_its_property() => Assert.All(FakeVmmPersonality.All, vmm =>
    {
        Assert.Same(vmm, typeof(FakeVmmPersonality).GetProperty(vmm.Name)?.GetValue(null));
        Assert.Equal($"FakeVmmPersonality.{vmm.Name}", vmm.ToCSharp());
    });

    [Fact]
    public void A_personality_that_runs_on_another_vendors_CPU_brings_its_instruction()
    {
        FakeMachine fake = new();
        _ = fake.Channel;

        fake.Personality = FakeVmmPersonality.Nyx;

        Assert.Equal("VMCALL", fake.Target.Way);
        Assert.Equal(0x1Ful, new HypercallFunction(fake, HypercallConvention.Nyx, 1).Call(2).Value);
    }

    [Theory]
    [InlineData(0, uint.MaxValue)]
    [InlineData(3, uint.MaxValue)]
    public void A_port_that_nobody_serves_reads_ones(int cpl, uint expected)
    {
        Assert.All(FakeVmmPersonality.All, vmm => // VMware's is another port
        {
            FakeMachine fake = new(new FakeMachineOptions { Personality = vmm, Cpl = cpl, HasPortPermission = true });
            HypercallRegisters registers = new() { Rax = 0x1234_5678_9ABC_DEF0, Rbx = 2 };
            fake.OpenChannel(new HypercallInstruction("IN", [0xED])).Invoke(ref registers);
            Assert.Equal(new HypercallRegisters { Rax = expected, Rbx = 2 }, registers);
        });
    }

    [Fact]
    public void A_foreign_answer_is_what_the_plan_says()
    {
        Assert.All(FakeVmmPersonality.All.Except([FakeVmmPersonality.None]), vmm =>
        {
            FaultPlan plan = [new(FakeInjectionPoint.BeforeReturn(1), new FakeFault(FakeFaultKind.RefuseForeign, Value: 99))];
            FakeMachine fake = new(new FakeMachineOptions { Personality = vmm, Cpl = 0, Plan = plan });
            HypercallRegisters sent = vmm.Convention.CreateFrame(5);
            HypercallRegisters received = sent;
            fake.Channel.Invoke(ref received);
            Assert.Equal(sent with { Rax = 99 }, received);
        });
    }

    [Theory]
    [InlineData(0x4000_0001u, "x", 0x4000_0001u)]
    [InlineData(0x3FFF_FF00u, "x", 0x4000_0001u)]
    [InlineData(0x4001_0000u, "x", 0x4001_0000u)]
    [InlineData(0x4000_0100u, "x", 0x4000_00FFu)]
    [InlineData(0x4000_0000u, "", 0x4000_0000u)]
    [InlineData(0x4000_0000u, "thirteen chrs", 0x4000_0000u)]
    [InlineData(0x4000_0000u, "x ", 0x4000_0000u)]
    [InlineData(0x4000_0000u, "x\u00e9", 0x4000_0000u)]
    [InlineData(0x4000_0000u, "x\u007f", 0x4000_0000u)]
    [InlineData(0x4000_0000u, "x\u001fx", 0x4000_0000u)]
    public void What_CPUID_cannot_say_is_no_signature(uint leaf, string text, uint maxLeaf) =>
        Assert.ThrowsAny<ArgumentException>(() => new FakeCpuidSignature(leaf, text, maxLeaf));

    [Fact]
    public void A_signature_says_itself() => Assert.Equal("x y at 0x4000ff00", new FakeCpuidSignature(0x4000_FF00, "x y", 0x4000_FF00).ToString());

    [Fact]
    public void The_first_and_the_last_leaf_and_every_printable_character_are_a_signatures()
    {
        FakeCpuidSignature signature = new(FakeCpuidSignature.FirstLeaf, "! ~", FakeCpuidSignature.FirstLeaf);
        Assert.Equal((0x4000_0000u, "! ~", 0x4000_0000u), (signature.Leaf, signature.Text, signature.MaxLeaf));
        Assert.Equal(0x4000_FF00u, new FakeCpuidSignature(0x4000_FF00, "x", uint.MaxValue).Leaf);
    }

    [Fact]
    public void Nyx_refuses_as_KVM_does_what_is_not_the_fuzzers()
    {
        HypercallRegisters registers = new() { Rax = 5, Rbx = 6 };
        FakeVmmPersonality.Nyx.Refuse(new FakeExit(Vmcall, Intel, 0, FakeExitKind.Hypercall), ref registers);
        Assert.Equal(new HypercallRegisters { Rax = ulong.MaxValue, Rbx = 6 }, registers);
    }

    [Fact]
    public void Hyper_V_changes_no_register_of_a_call_that_it_admits()
    {
        HypercallRegisters registers = new() { Rax = 5, Rcx = 6, Rdx = 8 };
        HypercallRegisters sent = registers;
        Assert.True(FakeVmmPersonality.HyperV.Admit(new FakeExit(Vmcall, Intel, 0, FakeExitKind.Hypercall), ref registers));
        Assert.Equal(sent, registers);
    }

    [Fact]
    public void Xen_PV_shows_no_other_file() =>
        Assert.Null(new FakeMachine(FakeVmmPersonality.XenPv).Signs.TryReadFile("/sys/hypervisor/uuid"));

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    public void A_personality_has_a_name_and_a_rule_has_a_text_and_a_source(string blank)
    {
        Assert.Throws<ArgumentException>("name", () => _ = new Vmm(blank, HypercallConvention.Kvm));
        Assert.Throws<ArgumentException>("text", () => _ = new FakeVmmRule(blank, FakeVmmRule.Assumed));
        Assert.Throws<ArgumentException>("source", () => _ = new FakeVmmRule("It does.", blank));
        Assert.Throws<ArgumentNullException>("convention", () => _ = new Vmm("x", null!));
    }

    [Fact]
    public void By_default_a_VMM_serves_its_CPUs_hypercall_and_changes_nothing()
    {
        Vmm vmm = new("x", HypercallConvention.Kvm);
        HypercallRegisters registers = new() { Rax = 5, Rbx = 6 };
        HypercallRegisters sent = registers;
        FakeExit vmExit = new(Vmcall, Intel, 3, FakeExitKind.Hypercall);
        Assert.True(vmm.Admit(vmExit, ref registers));
        vmm.AnswerUnserved(vmExit, ref registers);
        vmm.Refuse(vmExit, ref registers);
        Assert.Equal(sent, registers);
        CpuFaultKind[] faults = [.. Enum.GetValues<FakeExitKind>().Select(kind => vmm.Fault(new FakeExit(Vmcall, Intel, 3, kind), in sent))];
        Assert.Equal([None, InvalidOpcode, None, None, None, InvalidOpcode], faults); // as FakeExitKind has them
        Assert.Throws<ArgumentNullException>("vmExit", () => _ = vmm.Fault(null!, in sent));
        Assert.False(vmm.Watches(new FakeExit(Vmcall, Intel, 3, FakeExitKind.In), in sent));
        Assert.Equal((true, false, false), (vmm.ChecksRights, vmm.FindsNames, vmm.MapsHoles));
        Assert.Equal((0xFF, "AuthenticAMD", false), (vmm.RomByte, vmm.CpuVendor, vmm.SetsHypervisorBit));
        Assert.Empty(vmm.Overwrites);
    }

    private static CpuFault FaultOf(FakeMachine fake, HypercallInstruction instruction)
    {
        HypercallRegisters registers = new() { Rax = 1, Rbx = 2 };
        HypercallRegisters expected = registers;
        HypercallStatus status = fake.OpenChannel(instruction).TryInvoke(ref registers);
        Assert.Equal(expected, registers);
        Assert.Equal(0, fake.Calls);
        Assert.False(status.IsCompleted);
        return status.Fault;
    }

    private sealed class Vmm(string name, HypercallConvention convention) : FakeVmmPersonality(name, convention);

    private sealed class MyVmm() : FakeVmmPersonality("MyVmm", HypercallConvention.Xen)
    {
        public override void AnswerUnserved(FakeExit vmExit, ref HypercallRegisters registers) => registers.Rax = 0xDEAD;
    }
}
