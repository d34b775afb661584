using FsCheck.Xunit;
using NSubstitute;

namespace Hypercall.Tests.Conventions;

public class HypercallConventionTests
{
    [Property]
    public void Number_and_arguments_land_in_their_fields_and_nothing_else_is_set(ulong number, ulong[] values, byte pick)
    {
        HypercallConvention convention = HypercallConvention.All[pick % HypercallConvention.All.Count];
        number &= convention.Number.MaxValue;
        ulong[] arguments = [.. values.Zip(convention.Arguments, (value, field) => value & field.MaxValue)];
        HypercallRegisters frame = convention.CreateFrame(number, arguments);

        HypercallRegisters expected = default;
        foreach ((RegisterField field, ulong value) in convention.Constants)
        {
            expected[field.Register] |= value << field.Shift;
        }

        expected[convention.Number.Register] |= number << convention.Number.Shift;
        for (int i = 0; i < arguments.Length; i++)
        {
            expected[convention.Arguments[i].Register] |= arguments[i] << convention.Arguments[i].Shift;
            Assert.Equal(arguments[i], convention.Arguments[i].Read(frame));
        }

        Assert.Equal(expected, frame);
        Assert.Equal(number, convention.Number.Read(frame));
    }

    [Fact]
    public void A_call_allocates_nothing_in_any_convention()
    {
        CountingChannel channel = new();
        foreach (HypercallConvention convention in HypercallConvention.All)
        {
            for (int i = 0; i < 100; i++) // until the code is as it stays
            {
                _ = channel.Call(convention, 1, 2);
            }

            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 1000; i++)
            {
                _ = channel.Call(convention, 1, 2);
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated == 0, $"{convention}: {allocated} bytes in 1000 calls.");
        }
    }

    [Theory]
    [InlineData("Hyper-V", 0x10000ul)]
    [InlineData("VMware", 0x1001Eul)]
    [InlineData("VMware-port", 0x1001Eul)]
    public void A_number_that_its_field_does_not_hold_is_refused_before_any_exit(string name, ulong number)
    {
        IHypercallChannel channel = Substitute.For<IHypercallChannel>();
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(
            () => channel.Call(HypercallConvention.All.Single(convention => convention.Name == name), number));
        Assert.Contains("RCX[15:0] holds 16 bits, at most 0xffff", e.Message, StringComparison.Ordinal);
        Assert.Empty(channel.ReceivedCalls());
    }

    // KVM from user mode: RAX = -1, all else as it was.
    [Theory]
    [InlineData("Nyx", 10, true)]
    [InlineData("Nyx", 30, false)] // a file that the fuzzer does not have: its own -1
    [InlineData("Nyx", 38, false)]
    [InlineData("VMware", 10, true)]
    [InlineData("VMware-port", 10, false)]
    [InlineData("BitVisor", 10, false)] // dbgsh answers -1
    [InlineData("Xen", 10, false)] // its own EPERM
    [InlineData("Hyper-V", 10, false)]
    [InlineData("ACRN", 10, false)]
    [InlineData("KVM", 10, false)]
    public void The_refusal_of_KVM_proves_another_VMM_where_the_convention_has_no_such_answer(string name, ulong number, bool isForeign)
    {
        HypercallConvention convention = HypercallConvention.All.Single(convention => convention.Name == name);
        CountingChannel kvm = new() { Answer = sent => sent with { Rax = ulong.MaxValue } };
        Assert.True(kvm.TryCall(convention, number, [], out HypercallResult result).IsCompleted);
        Assert.Equal(isForeign, result.IsForeign);
        if (isForeign)
        {
            ForeignVmmException e = Assert.Throws<ForeignVmmException>(() => kvm.Call(convention, number));
            Assert.Equal(($"{name} {number}", ulong.MaxValue), (e.Name, e.Rax));
        }
    }

    [Property]
    public void An_answer_that_is_not_exactly_the_refusal_proves_nothing(ulong rax, ulong other, byte register, byte pick)
    {
        HypercallConvention convention = pick % 2 == 0 ? HypercallConvention.Nyx : HypercallConvention.Vmware;
        HypercallRegisters sent = convention.CreateFrame(10, 1);
        HypercallRegisters received = sent with { Rax = ulong.MaxValue };
        Assert.True(convention.IsForeign(sent, received));
        Assert.Equal(rax == ulong.MaxValue, convention.IsForeign(sent, sent with { Rax = rax }));
        GeneralRegister changed = HypercallRegisters.All[1 + (register % (HypercallRegisters.Count - 1))];
        received[changed] ^= other;
        Assert.Equal(other == 0, convention.IsForeign(sent, received));
        Assert.False(convention.IsForeign(sent, sent));
        Assert.False(convention.IsForeign(sent, sent with { Rax = uint.MaxValue })); // VMware's own, to an unknown command
    }

    [Fact]
    public void A_call_that_faults_proves_nothing()
    {
        CountingChannel faulting = new() { Fault = new CpuFault(CpuFaultKind.InvalidOpcode), Answer = sent => sent with { Rax = ulong.MaxValue } };
        Assert.False(faulting.TryCall(HypercallConvention.Nyx, 10, [], out HypercallResult result).IsCompleted);
        Assert.False(result.IsForeign);
    }

    private sealed class CountingChannel : IHypercallChannel
    {
        public Func<HypercallRegisters, HypercallRegisters>? Answer { get; init; }

        public CpuFault Fault { get; init; }

        public HypercallStatus TryInvoke(ref HypercallRegisters registers)
        {
            registers = Answer?.Invoke(registers) ?? registers;
            return Fault.Kind == CpuFaultKind.None ? HypercallStatus.Completed : HypercallStatus.Faulted(Fault);
        }
    }

    // The facts, once more and by hand: each line is what the source named in the convention's documentation says.
    [Theory]
    [InlineData("BitVisor", "RAX", "RBX RCX RDX RSI RDI", "RAX", "")]
    [InlineData("KVM", "RAX", "RBX RCX RDX RSI", "RAX", "")]
    [InlineData("Xen", "RAX", "RDI RSI RDX R10 R8", "RAX", "")]
    [InlineData("Hyper-V", "RCX[15:0]", "RDX R8 RCX[63:16]", "RAX", "")]
    [InlineData("VMware", "RCX[15:0]", "RBX RSI RDI RDX[31:16] RCX[31:16] RDX[1:0]", "RAX", "RAX=0x564D5868")]
    [InlineData("VMware-port", "RCX[15:0]", "RBX RSI RDI RDX[31:16] RCX[31:16]", "RAX", "RAX=0x564D5868 RDX[15:0]=0x5658")]
    [InlineData("ACRN", "R8", "RDI RSI", "RAX", "")]
    [InlineData("Nyx", "RBX", "RCX", "RAX", "RAX=0x1F")]
    public void A_well_known_convention_is_what_its_source_says(string name, string number, string arguments, string result, string constants)
    {
        HypercallConvention convention = HypercallConvention.All.Single(c => c.Name == name);
        Assert.Equal(number, convention.Number.ToString());
        Assert.Equal(arguments, string.Join(' ', convention.Arguments));
        Assert.Equal(result, convention.Result.ToString());
        Assert.Equal(constants, string.Join(' ', convention.Constants.Select(c => $"{c.Key}=0x{c.Value:X}")));
        HypercallFailureRule failure = name switch
        {
            "KVM" or "Xen" or "ACRN" => HypercallFailureRule.NegativeErrno,
            "Hyper-V" => HypercallFailureRule.HyperVStatus,
            _ => HypercallFailureRule.Never,
        };
        Assert.Same(failure, convention.Failure);
    }

    [Fact]
    public void A_constant_that_is_an_argument_too_is_refused() => _ = Assert.Throws<ArgumentException>(
        () => new HypercallConvention("twice", GeneralRegister.Rax, [GeneralRegister.Rbx], constants: [new(GeneralRegister.Rbx, 1)]));

    [Fact]
    public void Too_many_arguments_are_refused_before_any_exit()
    {
        IHypercallChannel channel = Substitute.For<IHypercallChannel>();
        foreach (HypercallConvention convention in HypercallConvention.All)
        {
            ArgumentException e = Assert.Throws<ArgumentException>(() => channel.Call(convention, 1, new ulong[convention.Arguments.Count + 1]));
            Assert.Contains(convention.Name, e.Message, StringComparison.Ordinal);
        }

        Assert.Empty(channel.ReceivedCalls());
    }

    [Fact]
    public void Every_convention_names_its_source_once() =>
        Assert.All(HypercallConvention.All, convention => Assert.False(string.IsNullOrWhiteSpace(convention.Source)));

    [Fact]
    public void Names_are_unique() =>
        Assert.Equal(HypercallConvention.All.Count, HypercallConvention.All.Select(c => c.Name.ToUpperInvariant()).Distinct().Count());

    [Fact]
    public void A_register_with_two_meanings_is_refused() =>
        _ = Assert.Throws<ArgumentException>(() => new HypercallConvention("twice", GeneralRegister.Rax, [GeneralRegister.Rbx, GeneralRegister.Rax]));

    [Fact]
    public void Bits_with_two_meanings_are_refused_and_neighbours_are_not()
    {
        RegisterField low = new(GeneralRegister.Rcx, 0, 16);
        ArgumentException e = Assert.Throws<ArgumentException>(() => new HypercallConvention("twice", low, [new RegisterField(GeneralRegister.Rcx, 15, 2)]));
        Assert.Contains("RCX[16:15] two meanings", e.Message, StringComparison.Ordinal);
        Assert.Equal(0x2_0001ul, new HypercallConvention("both", low, [new RegisterField(GeneralRegister.Rcx, 16, 2)]).CreateFrame(1, 2).Rcx);
    }

    [Fact]
    public void A_constant_that_its_field_does_not_hold_is_refused() => _ = Assert.Throws<ArgumentOutOfRangeException>(
        () => new HypercallConvention("large", GeneralRegister.Rax, [], constants: [new(new RegisterField(GeneralRegister.Rbx, 0, 8), 0x100)]));

    [Fact]
    public void RSP_is_refused() =>
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => new HypercallConvention("rsp", (GeneralRegister)4, []));

    [Theory]
    [InlineData(0, false)]
    [InlineData(-1, true)]
    [InlineData(-4095, true)]
    [InlineData(-4096, false)]
    [InlineData(1, false)]
    public void A_negative_errno_is_minus_1_to_minus_4095(long value, bool failure) =>
        Assert.Equal(failure, HypercallFailureRule.NegativeErrno.IsFailure((ulong)value));

    [Theory]
    [InlineData(0x0000_0001_0000_0000ul, false)]
    [InlineData(0x0000_0000_0000_0002ul, true)]
    [InlineData(0x0000_0000_FFFF_0000ul, false)]
    public void A_HyperV_status_is_in_the_low_16_bits(ulong value, bool failure) =>
        Assert.Equal(failure, HypercallFailureRule.HyperVStatus.IsFailure(value));

    [Fact]
    public void The_result_says_what_a_failure_means()
    {
        IHypercallChannel channel = Substitute.For<IHypercallChannel>();
        HypercallRegisters any = default;
        channel.TryInvoke(ref any).ReturnsForAnyArgs(call =>
        {
            call[0] = (HypercallRegisters)call[0] with { Rax = unchecked((ulong)-1L) };
            return HypercallStatus.Completed;
        });

        HypercallResult result = channel.Call(HypercallConvention.Kvm, 11);
        Assert.True(result.IsFailure);
        Assert.Equal("-1 (a negative errno)", result.FailureMeaning);
        Assert.False(channel.Call(HypercallConvention.BitVisor, 11).IsFailure);
    }

    [Fact]
    public void A_convention_of_ones_own_has_the_failure_rule_it_was_given()
    {
        HypercallFailureRule odd = new("an odd number", value => value % 2 != 0);
        HypercallConvention own = new("own", GeneralRegister.Rax, [], failure: odd);
        Assert.Same(odd, own.Failure);
        Assert.Equal((true, false), (own.Failure.IsFailure(31), own.Failure.IsFailure(32)));
        Assert.Equal("0x1f (an odd number)", own.Failure.Describe(31));
        Assert.Same(HypercallFailureRule.Never, new HypercallConvention("own", GeneralRegister.Rax, []).Failure);
    }

    [Fact]
    public void A_result_that_is_no_failure_means_none() =>
        Assert.Null(new HypercallResult(HypercallConvention.Kvm, 1, new HypercallRegisters { Rax = 1 }).FailureMeaning);
}
