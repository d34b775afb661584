using FsCheck;
using FsCheck.Xunit;

namespace Hypercall.Testing.Tests;

/// <summary>Whatever the kernel does to pages, guest, VMM and pagemap see what a simple model says.</summary>
public sealed class FakeKernelModelTests
{
    private const int Steps = 60;

    private enum State
    {
        Untouched,
        Zero,
        Private,
        CopyOnWrite,
        Swapped,
    }

    [Property(MaxTest = 150)]
    public void A_page_is_what_a_simple_model_says_whatever_befalls_it(PositiveInt seed, bool fiveLevels) =>
        new Run((ulong)seed.Get, fiveLevels ? FakePaging.FiveLevel : FakePaging.FourLevel, largePages: false).Go();

    [Property(MaxTest = 6)]
    public void Pages_of_2_MiB_are_what_the_same_model_says(PositiveInt seed) => new Run((ulong)seed.Get, FakePaging.FourLevel, largePages: true).Go();

    private sealed class Page
    {
        public State State { get; set; }

        public bool IsDropped { get; set; }

        public int AbsentWalks { get; set; }

        public ulong Frame { get; set; }
    }

    private sealed class Buffer(GuestBuffer real, bool isProcess, Page[] pages)
    {
        public GuestBuffer Real => real;

        public bool IsProcess => isProcess;

        public Page[] Pages => pages;

        public byte[] Bytes { get; } = new byte[real.Length];

        public List<(GuestBuffer Window, int First, int Last)> Windows { get; } = [];

        public Residency ResidencyOf(int page) => Windows.Where(w => page >= w.First && page <= w.Last).Select(w => w.Window.Residency).Append(real.Residency).Max();
    }

    private sealed class Run(ulong seed, FakePaging paging, bool largePages)
    {
        private readonly FakeRandom _random = new(seed);
        private readonly FakeMachine _fake = new(new FakeMachineOptions { Seed = seed, Paging = paging, Record = seed % 2 == 0 });
        private readonly HashSet<ulong> _frames = [];
        private readonly List<Buffer> _buffers = [];
        private byte _next;

        private FakeGuestMemory Memory => _fake.Memory;

        public void Go()
        {
            for (int step = 0; step < Steps; step++)
            {
                if (_buffers.Count == 0 || _random.OneIn(12))
                {
                    Allocate();
                }

                Buffer buffer = _buffers[_random.Between(0, _buffers.Count - 1)];
                int page = _random.Between(0, buffer.Pages.Length - 1);
                Act(buffer, page);
                _buffers.ForEach(Check);
            }

            foreach (Buffer buffer in _buffers)
            {
                Assert.True(buffer.Real.Span.SequenceEqual(buffer.Bytes));
                buffer.Windows.ForEach(window => window.Window.Dispose());
                buffer.Real.Dispose();
            }

            Assert.Equal(0, Memory.LockedBytes);
        }

        private void Allocate()
        {
            int kind = _random.Between(0, 3);
            int length = (largePages ? 512 * GuestPage.Size : 0) + _random.Between(1, 5 * GuestPage.Size);
            bool isUntouched = kind == 1 && !largePages;
            GuestBuffer real = isUntouched ? Memory.AllocateUntouched(length)
                : kind == 2 ? Memory.AllocateKernelMemory(length)
                : Memory.Allocate(length, _random.Pick(Residency.Touched, Residency.Touched, Residency.Locked, Residency.Pinned),
                    largePages || _random.OneIn(3) ? Contiguity.Contiguous : Contiguity.Any);
            Page[] pages = [.. Enumerable.Range(0, (int)GuestPage.Count(real.Address, length)).Select(_ => new Page { State = isUntouched ? State.Untouched : State.Private })];
            Buffer buffer = new(real, kind != 2, pages);
            _buffers.Add(buffer);
            if (largePages && real.Contiguity == Contiguity.Contiguous)
            {
                _ = real.Span; // a write to a page of 2 MiB does not split it
                _fake.Inside(call => Assert.Equal(2 << 20, call.Walk(real.Address, isWrite: true).PageSize));
            }
        }

        private void Act(Buffer buffer, int index)
        {
            Page page = buffer.Pages[index];
            bool isIn = page.State is State.Private or State.CopyOnWrite && !page.IsDropped && page.AbsentWalks == 0;
            bool mayMove = buffer.IsProcess && buffer.ResidencyOf(index) != Residency.Pinned;
            switch (_random.Between(0, 11))
            {
                case 0:
                    Guarded(buffer.IsProcess && buffer.ResidencyOf(index) < Residency.Locked, () => Memory.SwapOut(buffer.Real, index), () => SwappedOut(page));
                    break;
                case 1:
                    Guarded(mayMove, () => Memory.MigratePage(buffer.Real, index), () => Moved(page, 0));
                    break;
                case 2:
                    int walks = _random.Between(1, 3);
                    Guarded(mayMove, () => Memory.MigratePage(buffer.Real, index, walks), () => Moved(page, walks));
                    break;
                case 3:
                    Guarded(mayMove, () => Memory.DropMapping(buffer.Real, index), () => page.IsDropped |= isIn);
                    break;
                case 4:
                    Guarded(mayMove, () => Memory.WriteProtect(buffer.Real, index), () => page.State = isIn ? State.CopyOnWrite : page.State);
                    break;
                case 5:
                    Memory.Load(buffer.Real, index);
                    Touched(page, isWrite: false);
                    break;
                case 6:
                    int offset = _random.Between(0, buffer.Bytes.Length - 1);
                    int length = _random.Between(1, Math.Min(buffer.Bytes.Length - offset, 2 * GuestPage.Size));
                    buffer.Real.AsMemory(offset, length).Span.Fill(++_next);
                    buffer.Bytes.AsSpan(offset, length).Fill(_next);
                    for (int i = offset / GuestPage.Size; i <= (offset + length - 1) / GuestPage.Size; i++)
                    {
                        Touched(buffer.Pages[i], isWrite: true);
                    }

                    break;
                case 7:
                    Hold(buffer, index);
                    break;
                case 8 when buffer.Windows.Count != 0:
                    buffer.Windows[^1].Window.Dispose();
                    buffer.Windows.RemoveAt(buffer.Windows.Count - 1);
                    break;
                case 9:
                    WriteFromVmm(buffer, index);
                    break;
                case 10 when buffer.Windows.Count == 0 && _random.OneIn(3):
                    buffer.Real.Dispose();
                    _ = _buffers.Remove(buffer);
                    break;
                default:
                    ReadFromVmm(buffer, index);
                    break;
            }
        }

        private void Hold(Buffer buffer, int first)
        {
            int last = _random.Between(first, Math.Min(buffer.Pages.Length - 1, first + 3));
            Residency residency = _random.Pick(Residency.Locked, Residency.Pinned);
            long length = Math.Min((long)(last + 1) << GuestPage.Shift, buffer.Real.Length) - ((long)first << GuestPage.Shift);
            buffer.Windows.Add((Memory.OpenWindow(buffer.Real.Address + ((long)first << GuestPage.Shift), length, new GuestBufferOptions { Residency = residency }), first, last));
            for (int i = first; i <= last; i++)
            {
                buffer.Pages[i].AbsentWalks = residency == Residency.Pinned ? 0 : buffer.Pages[i].AbsentWalks; // a pin waits
                Touched(buffer.Pages[i], isWrite: true);
            }
        }

        private void ReadFromVmm(Buffer buffer, int index)
        {
            int start = index << GuestPage.Shift;
            int length = Math.Min(GuestPage.Size, buffer.Bytes.Length - start);
            Page page = buffer.Pages[index];
            bool isThere = page.State is not (State.Untouched or State.Swapped) && !page.IsDropped && page.AbsentWalks == 0;
            byte[] read = _fake.ReadVirtual(buffer.Real.Address + start, length);
            Assert.Equal(isThere ? buffer.Bytes.AsSpan(start, length).ToArray() : [], read);
            Walked(page);
            if (page.State is State.Private or State.CopyOnWrite && page.Frame != 0)
            {
                Assert.Equal(buffer.Bytes.AsSpan(start, length).ToArray(), _fake.ReadPhysical(new GuestFrameNumber(page.Frame).Address, length));
            }
        }

        private void WriteFromVmm(Buffer buffer, int index)
        {
            int start = index << GuestPage.Shift;
            byte[] bytes = new byte[Math.Min(100, buffer.Bytes.Length - start)];
            bytes.AsSpan().Fill(++_next);
            Page page = buffer.Pages[index];
            bool isThere = page is { State: State.Private, IsDropped: false, AbsentWalks: 0 };
            Assert.Equal(isThere ? bytes.Length : 0, _fake.WriteVirtual(buffer.Real.Address + start, bytes));
            Walked(page);
            if (isThere)
            {
                bytes.CopyTo(buffer.Bytes, start);
            }
        }

        private static void Walked(Page page) => page.AbsentWalks = Math.Max(0, page.AbsentWalks - 1);

        private static void SwappedOut(Page page)
        {
            if (page.State is State.Private or State.CopyOnWrite && page.AbsentWalks == 0)
            {
                page.State = State.Swapped;
                page.IsDropped = false;
            }
        }

        private static void Moved(Page page, int walks)
        {
            if (page.State is State.Private or State.CopyOnWrite && page.AbsentWalks == 0)
            {
                page.IsDropped = false;
                page.AbsentWalks = walks;
                page.Frame = 0; // another one
            }
        }

        private static void Touched(Page page, bool isWrite)
        {
            if (page.AbsentWalks != 0)
            {
                return;
            }

            page.IsDropped = false;
            State state = isWrite || page.State == State.Swapped ? State.Private : page.State == State.Untouched ? State.Zero : page.State;
            if (state == State.Private && page.State != State.Private)
            {
                page.Frame = 0;
            }

            page.State = state;
        }

        private void Check(Buffer buffer)
        {
            ReadOnlySpan<GuestPage> seen = Memory.QueryPages(buffer.Real.Address, buffer.Real.Length).Pages.Span;
            for (int i = 0; i < seen.Length; i++)
            {
                Page page = buffer.Pages[i];
                GuestPageState expected = page.State == State.Untouched ? GuestPageState.NotMapped
                    : page.State == State.Swapped || page.AbsentWalks != 0 ? GuestPageState.Swapped
                    : GuestPageState.Present;
                Assert.Equal(expected, seen[i].State);
                if (expected != GuestPageState.Present || page.State == State.Zero)
                {
                    continue;
                }

                if (page.Frame == 0)
                {
                    page.Frame = seen[i].Frame.Value;
                    Assert.True(_frames.Add(page.Frame), "A frame was used twice.");
                }

                Assert.Equal(page.Frame, seen[i].Frame.Value);
            }
        }

        private static void Guarded(bool isAllowed, Action act, Action model)
        {
            if (isAllowed)
            {
                act();
                model();
            }
            else
            {
                _ = Assert.Throws<InvalidOperationException>(act);
            }
        }
    }
}
