namespace Hypercall.Conformance.Scenarios;

/// <summary>Memory whose address the VMM keeps between calls, while the kernel moves pages: locked as against pinned.</summary>
internal static class HoldScenarios
{
    private const int Pages = 128; // a slot for each

    public static IEnumerable<Scenario> All { get; } =
    [
        new("hold: the VMM writes and reads what it holds", Needs.Rig | Needs.Frames | Needs.Pinning, WritesAndReads),
        new("hold: what was let go is not written", Needs.Rig | Needs.Frames | Needs.Pinning, LetGo),
        new("hold: a slot is replaced, and others stay", Needs.Rig | Needs.Frames | Needs.Pinning, Slots),
        new("hold: pinned memory is right after every compaction", Needs.Rig | Needs.Frames | Needs.Pinning | Needs.Compaction, PinnedStays),
        new("hold: locked memory moves, and what the VMM writes is lost in somebody else's page", Needs.Rig | Needs.Frames | Needs.Compaction, LockedMoves),
        new("hold: the library will not let locked memory be kept", Needs.Rig | Needs.Frames, LibraryRefuses),
    ];

    private static ulong[] Frames(GuestBuffer buffer)
    {
        Check.That(buffer.TryQueryPages(out GuestPageMap? map, out _));
        return [.. map.Pages.Span.ToArray().Select(page => page.State == GuestPageState.Present ? page.Frame.Address.Value : 0)];
    }

    private static byte[] Pattern(int length, byte key)
    {
        byte[] expected = new byte[length];
        RigStream counter = RigStream.Empty;
        counter.Handle(expected, Direction.FromVmm, key);
        return expected;
    }

    private static void WritesAndReads(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(GuestPage.Size);
        byte[] before = buffer.Span.ToArray();
        ulong address = Frames(buffer)[0];
        using (buffer.Lease("the rig"))
        {
            Check.Equal(0ul, context.Rig.Call("hold", address + 10, 1000, 1));
            HypercallResult read = context.Rig.Get("held_read").Call(0, 0, 1);
            Check.Equal((RigStream.HashOf(before.AsSpan(10, 1000)), 1000ul), (read.Rax, read.Rcx));
            Check.Equal(1000ul, context.Rig.Call("held_write", rdx: 1, rsi: 0x33));
            Pattern(1000, 0x33).CopyTo(before, 10);
            Check.Bytes(before, buffer.Span, "the page");
            Check.Equal(0ul, context.Rig.Call("hold", 0, 0, 1));
        }
    }

    private static void LetGo(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(GuestPage.Size);
        byte[] before = buffer.Span.ToArray();
        Check.Equal(0ul, context.Rig.Call("hold", Frames(buffer)[0], GuestPage.Size, 2));
        Check.Equal(0ul, context.Rig.Call("hold", 0, 0, 2));
        Check.Equal(0ul, context.Rig.Call("held_write", rdx: 2, rsi: 0x33));
        Check.Bytes(before, buffer.Span, "the page");
    }

    private static void Slots(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(3 * GuestPage.Size);
        ulong[] frames = Frames(buffer);
        _ = context.Rig.Call("hold", frames[0], GuestPage.Size, 0);
        _ = context.Rig.Call("hold", frames[1], GuestPage.Size, 255);
        _ = context.Rig.Call("hold", frames[2], GuestPage.Size, 0);
        byte[] first = buffer.Span[..GuestPage.Size].ToArray();
        Check.Equal((ulong)GuestPage.Size, context.Rig.Call("held_write", rdx: 0, rsi: 1));
        Check.Equal((ulong)GuestPage.Size, context.Rig.Call("held_write", rdx: 255, rsi: 2));
        Check.Bytes(first, buffer.Span[..GuestPage.Size], "the page that is held no more");
        Check.Bytes(Pattern(GuestPage.Size, 2), buffer.Span.Slice(GuestPage.Size, GuestPage.Size), "slot 255");
        Check.Bytes(Pattern(GuestPage.Size, 1), buffer.Span[(2 * GuestPage.Size)..], "slot 0");
        _ = context.Rig.Call("hold", 0, 0, 0);
        _ = context.Rig.Call("hold", 0, 0, 255);
    }

    private static void Hold(ScenarioContext context, ulong[] frames)
    {
        for (int page = 0; page < frames.Length; page++)
        {
            Check.Equal(0ul, context.Rig.Call("hold", frames[page], GuestPage.Size, (ulong)page));
        }
    }

    private static void LetGoOfAll(ScenarioContext context)
    {
        for (int page = 0; page < Pages; page++)
        {
            _ = context.Rig.Call("hold", 0, 0, (ulong)page);
        }
    }

    private static void PinnedStays(ScenarioContext context)
    {
        for (int round = 0; round < Math.Max(2, context.Repeat(5)); round++)
        {
            using IDisposable fragments = context.Machine.Fragment(context.Fragmented);
            using GuestBuffer buffer = context.Fill(Pages * GuestPage.Size);
            ulong[] frames = Frames(buffer);
            using GuestBufferLease lease = buffer.Lease("the rig");
            Hold(context, frames);
            context.Machine.Compact(buffer);
            Check.That(frames.AsSpan().SequenceEqual(Frames(buffer)), "a pinned page moved");
            for (int page = 0; page < Pages; page++)
            {
                Check.Equal((ulong)GuestPage.Size, context.Rig.Call("held_write", rdx: (ulong)page, rsi: (ulong)round + 1));
                Check.Bytes(Pattern(GuestPage.Size, (byte)(round + 1)), buffer.Span.Slice(page * GuestPage.Size, GuestPage.Size), $"round {round}, page {page}");
            }

            LetGoOfAll(context);
        }
    }

    // The VMM only reads here: a write would go into a page that by then may be anybody's, the kernel's too.
    private static void LockedMoves(ScenarioContext context)
    {
        for (int round = 0; round < 10; round++)
        {
            // A little may not be enough for the buffer to lie where compaction takes from: more of it each time.
            using IDisposable fragments = context.Machine.Fragment(Math.Min(256 << 20, context.Fragmented << Math.Min(round, 3)));
            using GuestBuffer buffer = context.Fill(Pages * GuestPage.Size, Residency.Locked);
            ulong[] before = Frames(buffer);
            using GuestBufferLease lease = buffer.Lease("the rig", acceptMemoryCorruptionIfPagesMove: true);
            Hold(context, before);
            context.Machine.Compact(buffer);
            context.Random.NextBytes(buffer.Span); // what the VMM should find
            ulong[] after = Frames(buffer);
            int moved = 0;
            int wrong = 0;
            for (int page = 0; page < Pages; page++)
            {
                bool isRight = context.Rig.Call("held_read", rdx: (ulong)page) == RigStream.HashOf(buffer.Span.Slice(page * GuestPage.Size, GuestPage.Size));
                moved += after[page] != before[page] ? 1 : 0;
                wrong += isRight ? 0 : 1;
                Check.That(isRight == (after[page] == before[page]), $"page {page} {(isRight ? "is right although it moved" : "is wrong although it stayed")}");
            }

            LetGoOfAll(context);
            if (moved != 0)
            {
                context.Note($"{moved} of {Pages} locked pages moved in round {round}, and the VMM found somebody else's bytes in {wrong}");
                return;
            }
        }

        throw new ScenarioFailedException("Ten compactions moved no locked page: nothing was shown.");
    }

    private static void LibraryRefuses(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(GuestPage.Size, Residency.Locked);
        GuestMemoryException error = Check.Throws<GuestMemoryException>(() => buffer.Lease("the rig"), "leasing locked memory");
        Check.Equal(GuestMemoryRefusalReason.NotPinned, error.Refusal.Reason);
    }
}
