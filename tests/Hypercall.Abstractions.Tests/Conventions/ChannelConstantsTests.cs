using Hypercall.Testing;

namespace Hypercall.Tests.Conventions;

/// <summary>Bits that a channel fills itself, held against what a convention puts there.</summary>
public class ChannelConstantsTests
{
    private static readonly RegisterField Port = new(GeneralRegister.Rdx, 0, 16);

    [Fact]
    public void A_constant_that_is_the_channels_own_can_be_carried()
    {
        Make(HypercallConvention.VmwarePort, Port, 0x5658);
        Make(HypercallConvention.VmwarePort, new RegisterField(GeneralRegister.Rdx, 4, 8), 0x65);
        Make(HypercallConvention.VmwarePort, new RegisterField(GeneralRegister.Rdx, 0, 4), 8);
    }

    [Theory]
    [InlineData(0, 16, 0x1234)]
    [InlineData(4, 8, 0x66)]
    [InlineData(15, 1, 1)]
    public void Another_value_in_a_constants_bits_cannot(int shift, int bits, ulong value) =>
        Refused(HypercallConvention.VmwarePort, new RegisterField(GeneralRegister.Rdx, shift, bits), value, "RDX[15:0] = 0x5658");

    [Fact]
    public void A_number_or_an_argument_there_cannot()
    {
        Refused(HypercallConvention.Kvm, GeneralRegister.Rax, 0, "its number");
        Refused(HypercallConvention.HyperV, new RegisterField(GeneralRegister.Rcx, 15, 1), 0, "its number");
        Refused(HypercallConvention.HyperV, new RegisterField(GeneralRegister.Rcx, 16, 1), 0, "an argument");

        // RDX[31:16] is the channel of the command.
        Refused(HypercallConvention.VmwarePort, new RegisterField(GeneralRegister.Rdx, 16, 1), 0, "an argument");
    }

    [Fact]
    public void Bits_that_the_convention_leaves_alone_are_the_channels()
    {
        Make(HypercallConvention.Nyx, Port, 0x5658);
        Make(HypercallConvention.HyperV, GeneralRegister.Rax, 5); // where only the result comes back
        Make(HypercallConvention.Kvm, GeneralRegister.R15, 1);
    }

    [Fact]
    public void An_observed_channel_passes_them_on() => Assert.Equal(Port, new Channel(Port, 1).Observe().Constants[0].Key);

    private static void Make(HypercallConvention convention, RegisterField field, ulong value) =>
        _ = new HypercallFunction(new FakeMachine().WithChannel(new Channel(field, value)), convention, 1);

    private static void Refused(HypercallConvention convention, RegisterField field, ulong value, string what)
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => Make(convention, field, value));
        string message = $"'{convention}' puts {what} where this channel itself puts {field} = 0x{value:x}.";
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    private sealed class Channel(RegisterField bits, ulong value) : IHypercallChannel
    {
        public IReadOnlyList<KeyValuePair<RegisterField, ulong>> Constants => [new(bits, value)];

        public HypercallStatus TryInvoke(ref HypercallRegisters registers) => throw new NotSupportedException();
    }
}
