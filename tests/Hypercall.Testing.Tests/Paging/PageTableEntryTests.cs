using FsCheck.Xunit;

namespace Hypercall.Testing.Tests;

public sealed class PageTableEntryTests
{
    /// <summary>
    /// A user page of frame 0x12345, writable, accessed, dirty, global, no-execute, with the kernel's own bits 9 to 11 and 62.
    /// </summary>
    private const ulong Entry = 0xc000_0000_1234_5f67;

    [Fact]
    public void A_migrating_or_dropped_entry_is_not_present_and_comes_back_as_it_was()
    {
        Assert.Equal(0xe000_0000_1234_5f66, PageTableEntry.Migrating(Entry));
        Assert.Equal(0xf000_0000_1234_5f66, PageTableEntry.Dropped(Entry));
        Assert.Equal(Entry, PageTableEntry.Restore(PageTableEntry.Migrating(Entry)));
        Assert.Equal(Entry, PageTableEntry.Restore(PageTableEntry.Dropped(Entry)));
        Assert.Equal(0x12345ul, PageTableEntry.Frame(PageTableEntry.Dropped(Entry)));
    }

    [Fact]
    public void A_swapped_entry_holds_its_slot()
    {
        Assert.Equal(0x1000_0000_0000_0000ul, PageTableEntry.Swapped(0));
        Assert.Equal(0x100f_ffff_ffff_f000ul, PageTableEntry.Swapped((1ul << 40) - 1));
        Assert.Equal(0xabcul, PageTableEntry.Slot(PageTableEntry.Swapped(0xabc)));
        Assert.Throws<ArgumentOutOfRangeException>("slot", () => PageTableEntry.Swapped(1ul << 40));
    }

    [Fact]
    public void Only_what_fits_is_hidden_restored_or_asked_for_a_slot()
    {
        Assert.All([0ul, PageTableEntry.Swapped(1), PageTableEntry.Dropped(Entry), Entry | (1ul << 60), Entry | (1ul << 61)], entry =>
        {
            Assert.Throws<ArgumentException>(nameof(entry), () => PageTableEntry.Migrating(entry));
            Assert.Throws<ArgumentException>(nameof(entry), () => PageTableEntry.Dropped(entry));
        });
        Assert.All([0ul, PageTableEntry.Swapped(1), Entry], entry => Assert.Throws<ArgumentException>(nameof(entry), () => PageTableEntry.Restore(entry)));
        Assert.All([0ul, PageTableEntry.Migrating(Entry), Entry], entry => Assert.Throws<ArgumentException>(nameof(entry), () => PageTableEntry.Slot(entry)));
    }

    [Property]
    public bool An_entry_is_at_most_one_of_present_swapped_migrating_and_dropped(ulong bits, int top)
    {
        ulong entry = bits ^ ((ulong)top << 40);
        bool[] kinds = [PageTableEntry.IsPresent(entry), PageTableEntry.IsSwapped(entry), PageTableEntry.IsMigrating(entry), PageTableEntry.IsDropped(entry)];
        bool expectsNone = (entry & 0x3000_0000_0000_0001) == 0;
        return kinds.Count(kind => kind) == (expectsNone ? 0 : 1);
    }

    [Theory]
    [InlineData(1, 12, 0x167)]
    [InlineData(2, 21, 0x1a2)]
    [InlineData(3, 30, 0x48)]
    [InlineData(4, 39, 0xfe)]
    [InlineData(5, 48, 0xab)]
    public void Each_level_takes_its_nine_bits_of_the_address(int level, int shift, int index)
    {
        Assert.Equal(shift, PageTableEntry.Shift(level));
        Assert.Equal(index, PageTableEntry.Index(0xab_7f12_3456_789a, level));
        Assert.Equal(511, PageTableEntry.Index(ulong.MaxValue, level));
    }
}
