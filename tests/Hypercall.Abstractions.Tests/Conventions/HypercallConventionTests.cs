using FsCheck.Xunit;
using NSubstitute;

namespace Hypercall.Tests.Conventions;

public class HypercallConventionTests
{
    [Property]
    public void Number_and_arguments_land_in_their_registers_and_nothing_else_is_set(ulong number, ulong[] values, byte pick)
    {
        HypercallConvention convention = HypercallConvention.All[pick % HypercallConvention.All.Count];
        ulong[] arguments = [.. values.Take(convention.Arguments.Count)];
        HypercallRegisters frame = convention.CreateFrame(number, arguments);

        HypercallRegisters expected = default;
        foreach ((GeneralRegister register, ulong value) in convention.Constants)
        {
            expected[register] = value;
        }

        expected[convention.Number] = number;
        for (int i = 0; i < arguments.Length; i++)
        {
            expected[convention.Arguments[i]] = arguments[i];
        }

        Assert.Equal(expected, frame);
    }

    // The facts, once more and by hand: each line is what the source named in the convention's documentation says.
    [Theory]
    [InlineData("BitVisor", "Rax", "Rbx Rcx Rdx Rsi Rdi", "Rax", "")]
    [InlineData("KVM", "Rax", "Rbx Rcx Rdx Rsi", "Rax", "")]
    [InlineData("Xen", "Rax", "Rdi Rsi Rdx R10 R8", "Rax", "")]
    [InlineData("Hyper-V", "Rcx", "Rdx R8", "Rax", "")]
    [InlineData("VMware", "Rcx", "Rbx Rdx Rsi Rdi", "Rax", "Rax=0x564D5868")]
    [InlineData("ACRN", "R8", "Rdi Rsi", "Rax", "")]
    [InlineData("Nyx", "Rbx", "Rcx", "Rax", "Rax=0x1F")]
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

        ConventionResult result = channel.Call(HypercallConvention.Kvm, 11);
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
        Assert.Null(new ConventionResult(HypercallConvention.Kvm, new HypercallRegisters { Rax = 1 }).FailureMeaning);
}
