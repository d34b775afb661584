using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FsCheck.Xunit;

namespace Hypercall.Tests.Registers;

public class HypercallRegistersTests
{
    [Fact]
    public void A_frame_has_15_registers_of_8_bytes()
    {
        Assert.Equal(120, Unsafe.SizeOf<HypercallRegisters>());
        Assert.Equal(HypercallRegisters.Size, Unsafe.SizeOf<HypercallRegisters>());
        Assert.Equal(HypercallRegisters.Count, HypercallRegisters.All.Length);
        Assert.Equal(Enum.GetValues<GeneralRegister>(), HypercallRegisters.All.ToArray());
    }

    [Property]
    public void A_register_lies_where_the_layout_says_and_nowhere_else(ulong value, byte pick)
    {
        int index = pick % HypercallRegisters.Count;
        HypercallRegisters frame = default;
        frame[HypercallRegisters.All[index]] = value;
        ulong[] words = MemoryMarshal.Cast<HypercallRegisters, ulong>(new ReadOnlySpan<HypercallRegisters>(in frame)).ToArray();
        ulong[] expected = new ulong[HypercallRegisters.Count];
        expected[index] = value;
        Assert.Equal(expected, words);
    }

    [Fact]
    public void Each_property_is_the_register_of_its_name()
    {
        HypercallRegisters frame = default;
        foreach (GeneralRegister register in HypercallRegisters.All)
        {
            frame[register] = 100 + (ulong)register;
        }

        ulong[] byProperty =
        [
            frame.Rax, frame.Rcx, frame.Rdx, frame.Rbx, frame.Rbp, frame.Rsi, frame.Rdi, frame.R8, frame.R9, frame.R10,
            frame.R11, frame.R12, frame.R13, frame.R14, frame.R15,
        ];
        Assert.Equal(HypercallRegisters.All.ToArray().Select(register => 100 + (ulong)register), byProperty);
    }

    [Fact]
    public void RSP_is_no_register_of_a_frame()
    {
        HypercallRegisters frame = default;
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => frame[(GeneralRegister)4]);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => frame[(GeneralRegister)16] = 1);
    }

    [Property]
    public void Frames_are_equal_when_all_registers_are(ulong value, byte pick)
    {
        GeneralRegister register = HypercallRegisters.All[pick % HypercallRegisters.Count];
        HypercallRegisters one = default;
        HypercallRegisters other = default;
        one[register] = value;
        other[register] = value;
        Assert.True(one == other);
        Assert.Equal(one.GetHashCode(), other.GetHashCode());
        other[register] = value + 1;
        Assert.True(one != other);
        Assert.False(one.Equals((object)other));
    }

    [Fact]
    public void Frames_that_differ_mostly_have_different_hash_codes() =>
        Assert.InRange(Enumerable.Range(0, 100).Select(i => new HypercallRegisters { R15 = (ulong)i }.GetHashCode()).Distinct().Count(), 50, 100);

    [Fact]
    public void A_frame_prints_every_register_by_its_name() =>
        Assert.Equal(
            "RAX=0x1 RCX=0x0 RDX=0x0 RBX=0xffffffffffffffff RBP=0x0 RSI=0x0 RDI=0x0 R8=0x0 R9=0x0 R10=0x0 R11=0x0 R12=0x0 R13=0x0 R14=0x0 R15=0xf",
            new HypercallRegisters { Rax = 1, Rbx = ulong.MaxValue, R15 = 15 }.ToString());
}
