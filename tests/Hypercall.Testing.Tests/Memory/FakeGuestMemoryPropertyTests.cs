using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Hypercall.Testing.Tests;

public sealed class FakeGuestMemoryPropertyTests
{
    [Property(MaxTest = 200)]
    public bool A_buffer_of_any_length_is_zeroed_aligned_and_lies_as_it_was_asked_to(PositiveInt size, bool contiguous)
    {
        FakeGuestMemory memory = new();
        int length = ((size.Get - 1) * 777 % (20 * GuestPage.Size)) + 1;
        using GuestBuffer buffer = memory.Allocate(length, Residency.Pinned, contiguous ? Contiguity.Contiguous : Contiguity.Any);
        Assert.True(buffer.TryQueryPages(out GuestPageMap? pages, out _));
        Assert.True(pages.TryGetPagedRange(out PagedRange? range, out _));

        return buffer.Length == length && buffer.Span.Length == length && buffer.Span.IndexOfAnyExcept((byte)0) < 0
            && buffer.Address.PageOffset == 0 && range.Frames.Length == (length + GuestPage.Size - 1) / GuestPage.Size
            && range.ContiguousLength == (contiguous ? length : Math.Min(length, GuestPage.Size))
            && memory.LockedBytes == range.Frames.Length * (long)GuestPage.Size;
    }

    [Property(MaxTest = 50)]
    public bool No_address_and_no_frame_is_ever_used_twice_and_scattered_frames_are_never_neighbours(PositiveInt[] steps)
    {
        FakeGuestMemory memory = new();
        HashSet<ulong> pages = [];
        HashSet<ulong> frames = [];
        HashSet<ulong> scattered = [];
        foreach (PositiveInt step in steps)
        {
            Contiguity contiguity = step.Get % 3 == 0 ? Contiguity.Contiguous : Contiguity.Any;
            using GuestBuffer buffer = memory.Allocate(step.Get % 50_000 + 1, Residency.Touched, contiguity);
            ulong[] own = buffer.Frames();
            for (int i = 0; i < own.Length; i++)
            {
                Assert.True(pages.Add((buffer.Address.Value >> GuestPage.Shift) + (ulong)i));
                Assert.True(frames.Add(own[i]));
            }

            memory.MigratePage(buffer, 0);
            Assert.True(frames.Add(buffer.Frames()[0]));
            scattered.UnionWith(contiguity == Contiguity.Any ? buffer.Frames() : buffer.Frames()[..1]);
        }

        return scattered.All(frame => !frames.Contains(frame + 1) && !frames.Contains(frame - 1));
    }

    /// <summary>
    /// Whatever happens to the pages, the guest keeps its bytes, and the VMM gets them up to the first page that is not there.
    /// </summary>
    [Property(MaxTest = 300)]
    public Property The_VMM_reads_and_writes_what_the_guest_has_up_to_the_first_absent_page()
    {
        Gen<(int Kind, int A, int B)[]> traces = Gen.Choose(0, 4).SelectMany(kind =>
            Gen.Choose(0, 8 * GuestPage.Size).SelectMany(a => Gen.Choose(0, 4 * GuestPage.Size).Select(b => (kind, a, b)))).ArrayOf();
        return Prop.ForAll(traces.ToArbitrary(), Gen.Choose(1, 6 * GuestPage.Size).ToArbitrary(), ArbMap.Default.ArbFor<bool>(), (trace, length, isWindow) =>
        {
            FakeMachine fake = new();
            using GuestBuffer buffer = isWindow
                ? fake.Memory.OpenWindow(new byte[length], new GuestBufferOptions { Residency = Residency.Touched })
                : fake.Memory.Allocate(length, Residency.Touched);
            byte[] model = new byte[length];
            bool[] isOut = new bool[GuestPage.Count(buffer.Address, length)];
            byte next = 1;
            foreach ((int kind, int a, int b) in trace)
            {
                int offset = a % length;
                int count = Math.Min(b, length - offset);
                int page = a % isOut.Length;
                switch (kind)
                {
                    case 0:
                        fake.Memory.SwapOut(buffer, page);
                        isOut[page] = true;
                        break;
                    case 1:
                        fake.Memory.MigratePage(buffer, page);
                        break;
                    case 2:
                        buffer.AsMemory(offset, count).Span.Fill(next);
                        model.AsSpan(offset, count).Fill(next++);
                        for (int i = 0; i < isOut.Length; i++)
                        {
                            isOut[i] &= count == 0 || !Overlaps(i, offset, count);
                        }

                        break;
                    case 3:
                        byte[] read = fake.ReadVirtual(buffer.Address + offset, count);
                        Assert.Equal(model.AsSpan(offset, Reached(offset, count)).ToArray(), read);
                        break;
                    default:
                        byte[] written = new byte[count];
                        written.AsSpan().Fill(next++);
                        int done = fake.WriteVirtual(buffer.Address + offset, written);
                        Assert.Equal(Reached(offset, count), done);
                        written.AsSpan(0, done).CopyTo(model.AsSpan(offset));
                        break;
                }

                GuestPageState[] states = buffer.States();
                Assert.Equal(isOut, states.Select(state => state == GuestPageState.Swapped));
            }

            return buffer.Span.SequenceEqual(model) && PhysicalBytes(fake, buffer).AsSpan().SequenceEqual(model);

            int PageOf(int offset) => (buffer.Address.PageOffset + offset) / GuestPage.Size;

            bool Overlaps(int page, int offset, int count) => page >= PageOf(offset) && page <= PageOf(offset + count - 1);

            int Reached(int offset, int count)
            {
                int done = 0;
                while (done < count && !isOut[PageOf(offset + done)])
                {
                    done++;
                }

                return done;
            }
        });
    }

    [Property(MaxTest = 200)]
    public bool Locked_bytes_are_those_of_the_pages_that_some_window_holds(PositiveInt[] windows)
    {
        FakeGuestMemory memory = new();
        using GuestBuffer buffer = memory.Allocate(10 * GuestPage.Size, Residency.Touched);
        List<(GuestBuffer Window, int First, int Last)> open = [];
        foreach (PositiveInt seed in windows)
        {
            int offset = seed.Get * 7919 % (int)buffer.Length;
            int length = 1 + (seed.Get * 104_729 % ((int)buffer.Length - offset));
            Residency residency = seed.Get % 2 == 0 ? Residency.Locked : Residency.Pinned;
            open.Add((memory.OpenWindow(buffer.Address + offset, length, new GuestBufferOptions { Residency = residency }),
                offset / GuestPage.Size, (offset + length - 1) / GuestPage.Size));
            if (seed.Get % 3 == 0)
            {
                int closing = seed.Get % open.Count;
                open[closing].Window.Dispose();
                open.RemoveAt(closing);
            }

            int held = Enumerable.Range(0, 10).Count(page => open.Exists(one => page >= one.First && page <= one.Last));
            Assert.Equal(held * (long)GuestPage.Size, memory.LockedBytes);
        }

        open.ForEach(one => one.Window.Dispose());
        memory.SwapOut(buffer); // nothing holds it any more
        return memory.LockedBytes == 0;
    }

    private static byte[] PhysicalBytes(FakeMachine fake, GuestBuffer buffer)
    {
        Assert.True(buffer.TryQueryPages(out GuestPageMap? pages, out _));
        Assert.True(pages.TryGetPagedRange(out PagedRange? range, out _));
        List<byte> bytes = [];
        int offset = range.Offset;
        foreach (GuestFrameNumber frame in range.Frames.Span)
        {
            int count = (int)Math.Min(GuestPage.Size - offset, buffer.Length - bytes.Count);
            bytes.AddRange(fake.ReadPhysical(new GuestPhysicalAddress(frame.Address.Value + (ulong)offset), count));
            offset = 0;
        }

        return [.. bytes];
    }
}
