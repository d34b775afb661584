using FsCheck.Xunit;

namespace Hypercall.Testing.Tests;

/// <summary>CPUID, IN and OUT: what a VMM that watches a leaf or a port hears, and what the hardware does by itself.</summary>
public sealed class FakeLeafAndPortTests
{
    private const ushort Mark = 0x4711;
    private const ulong Number = 3;

    private static readonly HypercallInstruction Cpuid = new("CPUID", [0x0F, 0xA2]);
    private static readonly HypercallInstruction In = new("IN EAX, DX", [0xED]);
    private static readonly HypercallInstruction Out = new("OUT DX, EAX", [0xEF]);
    private static readonly CpuIdentity Intel = new() { Vendor = "GenuineIntel", MaxLeaf = 0x10 };
    private static readonly CpuIdentity Amd = new() { Vendor = "AuthenticAMD", MaxLeaf = 0x10 };

    // As TSFFS' calls are shaped: rig/ABI.md, "Ways".
    private static readonly HypercallConvention ByLeaf = new(
        "by a leaf",
        number: new RegisterField(GeneralRegister.Rax, 16, 16),
        arguments: [GeneralRegister.Rbx, GeneralRegister.Rcx, GeneralRegister.Rdx, GeneralRegister.Rsi, GeneralRegister.Rdi],
        constants: [new(new RegisterField(GeneralRegister.Rax, 0, 16), Mark)],
        layout: TransferLayout.AddressAndLength);

    private static readonly HypercallConvention ByPort = new(
        "by a port",
        number: GeneralRegister.Rax,
        arguments: [GeneralRegister.Rbx, GeneralRegister.Rcx],
        constants: [new(new RegisterField(GeneralRegister.Rdx, 0, 16), Mark)],
        layout: TransferLayout.AddressAndLength);

    [Fact]
    public void A_function_is_served_by_the_leaf_or_the_port_that_its_convention_names() => Assert.All(
        FakeVmmPersonality.All.Except([FakeVmmPersonality.None, FakeVmmPersonality.Deaf]),
        personality =>
        {
            FakeMachine fake = new FakeMachine(new FakeMachineOptions { Personality = personality, HasPortPermission = true })
                .On(ByLeaf, Number, call => call.Rax = call.Argument(0) + call.Argument(1))
                .On(ByPort, Number, call => call.Rax = call.Argument(0) * call.Argument(1));
            Assert.Equal(11u, Call(fake, Cpuid, ByLeaf.CreateFrame(Number, 5, 6)).Rax);
            Assert.Equal(30u, Call(fake, In, ByPort.CreateFrame(Number, 5, 6)).Rax);
            Assert.Equal(30u, Call(fake, Out, ByPort.CreateFrame(Number, 5, 6)).Rax);
            Assert.Equal(3, fake.Calls);
        });

    [Fact]
    public void A_VMM_that_is_not_there_or_deaf_watches_nothing() => Assert.All(
        [FakeVmmPersonality.None, FakeVmmPersonality.Deaf],
        personality =>
        {
            FakeMachineOptions options = new() { Personality = personality, Cpu = Amd, HasPortPermission = true };
            FakeMachine fake = new FakeMachine(options)
                .On(ByLeaf, Number, call => call.Rax = 1)
                .On(ByPort, Number, call => call.Rax = 1);
            Assert.Equal(default, Call(fake, Cpuid, ByLeaf.CreateFrame(Number)));
            HypercallRegisters sent = ByPort.CreateFrame(Number);
            Assert.Equal(sent with { Rax = uint.MaxValue }, Call(fake, In, sent));
            Assert.Equal(sent, Call(fake, Out, sent));
            Assert.Equal(0, fake.Calls);
        });

    [Property]
    public void A_leaf_that_nobody_watches_gives_its_data_and_no_more(uint leaf, ulong above, bool isIntels, ulong rbx, ulong r8)
    {
        FakeMachine fake = new FakeMachine(new FakeMachineOptions { Cpu = isIntels ? Intel : Amd })
            .On(ByLeaf, Number, call => call.Rax = 1);
        leaf = (leaf & 0xFFFF) == Mark ? leaf + 1 : leaf;
        HypercallRegisters registers = new() { Rax = (above << 32) | leaf, Rbx = rbx, Rsi = 6, R8 = r8 };
        HypercallRegisters answer = Call(fake, Cpuid, registers);
        CpuidResult data = fake.Cpuid.Query(leaf);
        Assert.Equal(
            registers with { Rax = data.Eax, Rbx = data.Ebx, Rcx = data.Ecx, Rdx = data.Edx },
            answer);
        Assert.Equal(0, fake.Calls);
    }

    [Fact]
    public void A_number_of_a_leaf_that_nobody_registered_is_the_hardwares()
    {
        FakeMachine fake = new FakeMachine(new FakeMachineOptions { Cpu = Intel }).On(ByLeaf, Number, call => call.Rax = 1);
        CpuidResult highest = fake.Cpuid.Query(Intel.MaxLeaf);
        HypercallRegisters expected = new() { Rax = highest.Eax, Rbx = highest.Ebx, Rcx = highest.Ecx, Rdx = highest.Edx };
        Assert.NotEqual(default, expected);
        Assert.Equal(expected, Call(fake, Cpuid, ByLeaf.CreateFrame(Number + 1, 1, 2, 3)));
        fake.Cpu = Amd;
        Assert.Equal(default, Call(fake, Cpuid, ByLeaf.CreateFrame(Number + 1, 1, 2, 3)));
    }

    [Theory]
    [InlineData(0x11u, true)]
    [InlineData(0x3FFF_FFFFu, true)]
    [InlineData(0x4000_0000u, false)] // the VMM's
    [InlineData(0x4000_FFFFu, false)]
    [InlineData(0x4001_0000u, true)]
    [InlineData(0x7FFF_FFFFu, true)]
    [InlineData(0x8000_0001u, false)]
    [InlineData(0x8000_0002u, true)] // the brand: there is none
    [InlineData(0xFFFF_FFFFu, true)]
    public void On_Intel_a_leaf_that_is_not_there_gives_the_highest_ones_data(uint leaf, bool isHighest)
    {
        Assert.Equal(isHighest ? new CpuidResult(0, 2, 0, 0) : default, new FakeMachine { Cpu = Intel }.Cpuid.Query(leaf));
        Assert.Equal(default, new FakeMachine { Cpu = Amd }.Cpuid.Query(leaf));
    }

    [Theory]
    [InlineData(new byte[] { 0xEC }, 0x1234_5678_9ABC_DEFF)]
    [InlineData(new byte[] { 0x66, 0xED }, 0x1234_5678_9ABC_FFFF)]
    [InlineData(new byte[] { 0xED }, 0xFFFF_FFFF)]
    [InlineData(new byte[] { 0xEE }, 0x1234_5678_9ABC_DE00)]
    [InlineData(new byte[] { 0x66, 0xEF }, 0x1234_5678_9ABC_DE00)]
    [InlineData(new byte[] { 0xEF }, 0x1234_5678_9ABC_DE00)]
    public void A_port_that_nobody_watches_gives_ones_as_wide_as_the_access_and_takes_what_is_written(byte[] encoding, ulong rax)
    {
        FakeMachine fake = new(new FakeMachineOptions { HasPortPermission = true });
        HypercallRegisters registers = new() { Rax = 0x1234_5678_9ABC_DE00, Rbx = 2, Rdx = Mark };
        Assert.Equal(registers with { Rax = rax }, Call(fake, new HypercallInstruction("port", encoding), registers));
        Assert.Equal(0, fake.Calls);
    }

    [Property]
    public void A_port_needs_permission_and_a_leaf_none(bool isIn, bool isAllowed, bool isKernel)
    {
        FakeMachine fake = new FakeMachine(new FakeMachineOptions { Cpl = isKernel ? 0 : 3, HasPortPermission = isAllowed })
            .On(ByPort, Number, call => call.Rax = 30).On(ByLeaf, Number, call => call.Rax = 11);
        HypercallRegisters registers = ByPort.CreateFrame(Number);
        HypercallStatus status = fake.OpenChannel(isIn ? In : Out).TryInvoke(ref registers);
        bool isServed = isAllowed || isKernel;
        Assert.Equal(isServed ? CpuFaultKind.None : CpuFaultKind.GeneralProtection, status.Fault.Kind);
        Assert.Equal(isServed ? 30 : Number, registers.Rax);
        Assert.Equal(11u, Call(fake, Cpuid, ByLeaf.CreateFrame(Number)).Rax);
        Assert.Equal(isServed ? 2 : 1, fake.Calls);
    }

    [Fact]
    public void On_a_CPU_without_the_VMM_leaf_and_port_are_the_hardwares()
    {
        FakeMachine fake = new FakeMachine(new FakeMachineOptions
        {
            Personality = FakeVmmPersonality.KvmWithHyperV,
            Cpus = 2,
            VmmCpus = [1],
            HasPortPermission = true,
            Ways = FakeWays.Cpuid,
        }).On(ByLeaf, Number, call => call.Rax = 11);
        Assert.Equal(0u, new HypercallFunction(fake.OnCpu(0), ByLeaf, Number).Call().Rax);
        Assert.Equal(11u, new HypercallFunction(fake.OnCpu(1), ByLeaf, Number).Call().Rax);
        HypercallRegisters leaf = new() { Rax = 0x4000_0100 }; // CPUID tells the same on every CPU
        fake.OnCpu(0).Channel.Invoke(ref leaf);
        Assert.Equal(fake.Cpuid.Query(0x4000_0100).Ebx, leaf.Rbx);
        Assert.NotEqual(0u, leaf.Rbx);
    }

    [Fact]
    public void Marks_of_a_hypercall_are_no_leaf_and_no_port()
    {
        FakeMachineOptions options = new() { Personality = FakeVmmPersonality.Nyx, HasPortPermission = true };
        FakeMachine fake = new FakeMachine(options)
            .On(HypercallConvention.Nyx, Number, call => call.Rbx = 99)
            .On(HypercallConvention.Kvm, 0x1F, call => call.Rbx = 99);
        HypercallRegisters sent = HypercallConvention.Nyx.CreateFrame(Number);
        Assert.Equal(0u, Call(fake, Cpuid, sent).Rsi);
        Assert.NotEqual(99u, Call(fake, Cpuid, sent).Rbx);
        Assert.NotEqual(99u, Call(fake, In, sent).Rbx);
        Assert.Equal(sent, Call(fake, Out, sent));
        Assert.Equal(0, fake.Calls);
    }

    [Fact]
    public void A_VMM_of_ones_own_finds_names_by_its_leaf_and_answers_all_of_its_numbers()
    {
        FakeMachine fake = new FakeMachine(new FakeMachineOptions { Personality = new ByLeafAlone(), Ways = FakeWays.Cpuid })
            .On("foo", call => call.Rax = call.Argument(0));
        Hypercall.BitVisor.BitVisorClient vmm = new(fake, convention: ByLeaf);
        Assert.True(vmm.DetectPresence().IsPresent);
        Assert.Equal(7u, vmm.GetFunction("foo").Call(7).Rax);
        Assert.Equal(0u, new HypercallFunction(fake, ByLeaf, 99).Call().Rax);
        long heard = fake.Calls;
        _ = Call(fake, Cpuid, new HypercallRegisters { Rax = Mark + 1 });
        Assert.Equal(heard, fake.Calls);
    }

    [Fact]
    public void What_a_plan_makes_of_a_call_needs_a_VMM_that_hears_of_it()
    {
        FaultPlan plan = [.. new[] { FakeFaultKind.Refuse, FakeFaultKind.GeneralProtection, FakeFaultKind.RefuseForeign }
            .Select((kind, i) => new PlannedFault(FakeInjectionPoint.BeforeEntry(i + 1), new FakeFault(kind, Value: 9)))];
        FakeMachine fake = new(new FakeMachineOptions { Plan = plan, HasPortPermission = true });
        HypercallRegisters sent = new() { Rax = 5, Rdx = Mark };
        Assert.Equal(default, Call(fake, Cpuid, sent));
        Assert.Equal(sent with { Rax = uint.MaxValue }, Call(fake, In, sent));
        Assert.Equal(sent, Call(fake, Out, sent));
        Assert.All(fake.FaultOccurrences, one => Assert.Equal(FakeFaultOutcome.Missed, one.Outcome));
        Assert.Equal(3, fake.FaultOccurrences.Count);
    }

    private static HypercallRegisters Call(FakeMachine fake, HypercallInstruction instruction, HypercallRegisters registers)
    {
        fake.OpenChannel(instruction).Invoke(ref registers);
        return registers;
    }

    private sealed class ByLeafAlone() : FakeVmmPersonality("by leaf", ByLeaf)
    {
        public override bool FindsNames => true;

        public override void AnswerUnserved(FakeExit vmExit, ref HypercallRegisters registers) => registers.Rax = 0;
    }
}
