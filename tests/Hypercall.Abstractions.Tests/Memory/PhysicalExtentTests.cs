using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Hypercall.Abstractions.Tests.Memory;

public sealed class PhysicalExtentTests
{
    [Fact]
    public void Adjacent_frames_make_one_extent_and_a_gap_starts_another()
    {
        PagedRange range = new(4094, 2 + 4096 + 1, new GuestFrameNumber[] { new(7), new(8), new(3) });
        Assert.Equal(
            [new PhysicalExtent(new GuestPhysicalAddress(0x7FFE), 4098), new PhysicalExtent(new GuestPhysicalAddress(0x3000), 1)],
            range.GetExtents());
    }

    [Property]
    public Property Extents_name_every_byte_once_in_order_and_no_two_could_be_joined()
    {
        Gen<(int Offset, long Length, GuestFrameNumber[] Frames)> ranges =
            from offset in Gen.Choose(0, 4095)
            from pages in Gen.Elements(1, 2, 3, 8, 510, 511, 512)
            from tail in Gen.Choose(0, 4095)
            let length = Math.Max(1, (pages * 4096L) - offset - tail)
            let count = (int)GuestPage.Count(new GuestVirtualAddress((ulong)offset), length)
            from steps in Gen.Frequency((3, Gen.Constant(1)), (1, Gen.Choose(2, 9))).ArrayOf(count)
            select (offset, length, Frames(steps));
        return Prop.ForAll(ranges.ToArbitrary(), sample =>
        {
            PagedRange range = new(sample.Offset, sample.Length, sample.Frames);
            IReadOnlyList<PhysicalExtent> extents = range.GetExtents();
            Assert.Equal(range.Length, extents.Sum(extent => extent.Length));
            Assert.Equal(range.ContiguousLength, extents[0].Length);
            long at = range.Offset;
            foreach (PhysicalExtent extent in extents)
            {
                for (long done = 0; done < extent.Length; done += 4096 - ((at + done) & 4095))
                {
                    GuestPhysicalAddress expected = new(sample.Frames[(at + done) >> 12].Address.Value + (ulong)((at + done) & 4095));
                    Assert.Equal(expected.Value, extent.Start.Value + (ulong)done);
                }

                at += extent.Length;
            }

            Assert.All(extents.Zip(extents.Skip(1)), pair => Assert.NotEqual(pair.First.Start.Value + (ulong)pair.First.Length, pair.Second.Start.Value));
        });
    }

    private static GuestFrameNumber[] Frames(int[] steps)
    {
        ulong frame = 1;
        return [.. steps.Select(step => new GuestFrameNumber(frame += (ulong)step))];
    }
}
