using FsCheck.Xunit;

namespace Hypercall.Tests.Memory;

public class AddressTests
{
    [Property]
    public void A_virtual_address_moves_by_bytes_or_overflows(ulong value, long bytes)
    {
        Int128 sum = (Int128)value + bytes;
        if (sum < 0 || sum > ulong.MaxValue)
        {
            _ = Assert.Throws<OverflowException>(() => new GuestVirtualAddress(value) + bytes);
        }
        else
        {
            Assert.Equal((ulong)sum, (new GuestVirtualAddress(value) + bytes).Value);
        }
    }

    [Fact]
    public void An_address_at_the_edge_does_not_wrap()
    {
        _ = Assert.Throws<OverflowException>(() => new GuestVirtualAddress(ulong.MaxValue) + 1);
        _ = Assert.Throws<OverflowException>(() => new GuestVirtualAddress(0) + long.MinValue);
        Assert.Equal(0ul, (new GuestVirtualAddress(1ul << 63) + long.MinValue).Value);
    }

    [Property]
    public void A_physical_address_is_its_frame_and_its_offset(ulong value)
    {
        GuestPhysicalAddress address = new(value);
        Assert.Equal(value, address.Frame.Address.Value + (ulong)address.FrameOffset);
        Assert.InRange(address.FrameOffset, 0, 4095);
    }

    [Fact]
    public void A_frame_that_has_no_64_bit_address_is_refused()
    {
        Assert.Equal(0xFFFF_FFFF_FFFF_F000ul, new GuestFrameNumber((1ul << 52) - 1).Address.Value);
        _ = Assert.Throws<OverflowException>(() => new GuestFrameNumber(1ul << 52).Address);
    }

    [Property]
    public void The_number_of_pages_is_what_counting_them_gives(ulong start, ushort length)
    {
        GuestVirtualAddress address = new(start >> 1); // away from the end of the 64-bit range
        long counted = length == 0 ? 0 : (long)(((address.Value + length - 1) >> 12) - (address.Value >> 12)) + 1;
        Assert.Equal(counted, GuestPage.Count(address, length));
    }

    [Fact]
    public void The_largest_range_does_not_overflow_the_count() =>
        Assert.Equal((1L << 51) + 1, GuestPage.Count(new GuestVirtualAddress(4095), long.MaxValue));

    [Fact]
    public void A_page_prints_its_state_and_never_its_frame() =>
        Assert.Equal("Present", GuestPage.InFrame(new GuestFrameNumber(0x1234)).ToString());

    [Fact]
    public void A_page_tells_its_four_states_apart()
    {
        Assert.Equal(GuestPageState.NotMapped, default(GuestPage).State);
        Assert.Equal(GuestPageState.Swapped, GuestPage.SwappedOut.State);
        Assert.Equal(GuestPageState.FrameHidden, GuestPage.Hidden.State);
        Assert.Equal(GuestPageState.Present, GuestPage.InFrame(new GuestFrameNumber(1)).State);
        _ = Assert.Throws<InvalidOperationException>(() => GuestPage.SwappedOut.Frame);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => GuestPage.InFrame(default));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => GuestPage.InFrame(new GuestFrameNumber(1ul << 55)));
    }

    [Fact]
    public void Bits_that_are_not_ours_do_not_change_a_page()
    {
        GuestPage page = new((1ul << 63) | (0x7Ful << 55) | 0x1234); // soft-dirty, exclusive and the like
        Assert.Equal((GuestPageState.Present, 0x1234ul), (page.State, page.Frame.Value));
    }

    [Fact]
    public void A_frame_number_is_at_most_2_to_the_55_minus_1() =>
        Assert.Equal((1ul << 55) - 1, GuestPage.InFrame(new GuestFrameNumber((1ul << 55) - 1)).Frame.Value);

    [Fact]
    public void A_negative_length_touches_no_pages_but_is_refused() =>
        Assert.Equal("length", Assert.Throws<ArgumentOutOfRangeException>(() => GuestPage.Count(new GuestVirtualAddress(0), -1)).ParamName);

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 2)]
    [InlineData(1ul << 63, 1)] // the upper half of the address space is above the lower one
    public void Addresses_compare_as_unsigned_numbers(ulong left, ulong right)
    {
        GuestVirtualAddress one = new(left);
        GuestVirtualAddress other = new(right);
        Assert.Equal([left < right, left > right, left <= right, left >= right], (bool[])[one < other, one > other, one <= other, one >= other]);
        Assert.Equal(left.CompareTo(right), one.CompareTo(other));
    }
}
