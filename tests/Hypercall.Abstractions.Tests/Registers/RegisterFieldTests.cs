using FsCheck.Xunit;

namespace Hypercall.Tests.Registers;

public class RegisterFieldTests
{
    [Property]
    public void What_is_written_is_read_and_no_other_bit_changes(ulong other, ulong value, byte register, byte shift, byte bits)
    {
        HypercallRegisters before = default;
        foreach (GeneralRegister each in HypercallRegisters.All)
        {
            before[each] = other * (ulong)(each + 1);
        }

        GeneralRegister which = HypercallRegisters.All[register % HypercallRegisters.Count];
        int low = shift % 64;
        RegisterField field = new(which, low, 1 + (bits % (64 - low)));
        value &= field.MaxValue;

        HypercallRegisters after = before;
        field.Write(ref after, value);

        Assert.Equal(value, field.Read(after));
        UInt128 mask = ((UInt128.One << field.Bits) - 1) << low;
        HypercallRegisters expected = before;
        expected[which] = (ulong)(((UInt128)before[which] & ~mask) | ((UInt128)value << low));
        Assert.Equal(expected, after);
    }

    [Fact]
    public void A_register_is_all_of_its_bits()
    {
        foreach (GeneralRegister register in HypercallRegisters.All)
        {
            RegisterField field = register;
            Assert.Equal(new RegisterField(register, 0, 64), field);
            Assert.Equal((register, 0, 64, ulong.MaxValue), (field.Register, field.Shift, field.Bits, field.MaxValue));
            HypercallRegisters frame = default;
            field.Write(ref frame, ulong.MaxValue);
            Assert.Equal(ulong.MaxValue, frame[register]);
        }
    }

    [Fact]
    public void The_default_is_RAX() => Assert.Equal<RegisterField>(GeneralRegister.Rax, default);

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 65)]
    [InlineData(-1, 1)]
    [InlineData(64, 1)]
    [InlineData(63, 2)]
    [InlineData(16, 64)]
    public void Bits_that_leave_the_register_are_refused(int shift, int bits) =>
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => new RegisterField(GeneralRegister.Rcx, shift, bits));

    [Theory]
    [InlineData(0x10000, false)]
    [InlineData(0xffff, true)]
    public void A_value_that_does_not_fit_is_refused_and_changes_nothing(ulong value, bool fits)
    {
        RegisterField field = new(GeneralRegister.Rdx, 48, 16);
        HypercallRegisters frame = new() { Rdx = 0x1234 };
        if (fits)
        {
            field.Write(ref frame, value);
            Assert.Equal(0xffff_0000_0000_1234, frame.Rdx);
            return;
        }

        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => field.Write(ref frame, value));
        Assert.Contains("RDX[63:48] holds 16 bits, at most 0xffff; 0x10000 was given.", e.Message, StringComparison.Ordinal);
        Assert.Equal(new HypercallRegisters { Rdx = 0x1234 }, frame);
    }
}
