using System.Buffers.Binary;

namespace Hypercall.Conformance.Scenarios;

/// <summary>What the rig's transfer functions do not take, and where they stop.</summary>
internal static class RefusalScenarios
{
    private const int Page = GuestPage.Size;
    private const ulong Refused = ulong.MaxValue;

    private static readonly string[] Transfers = [RigClient.ByPhysicalAddress, RigClient.ByList, RigClient.ByVirtualAddress, RigClient.ByVirtualAddressBytewise];

    public static IEnumerable<Scenario> All { get; } =
    [
        new("refusal: reserved bits of RDX and RSI are refused, and nothing is done", Needs.Rig | Needs.Frames, ReservedBits),
        new("refusal: more than 1 GiB is refused", Needs.Rig, TooLong),
        new("refusal: no bytes are zero bytes done", Needs.Rig, NoBytes),
        new("refusal: RBX, RCX, RDX, RSI and RDI come back as they were", Needs.Rig | Needs.Frames, ArgumentsStay),
        new("refusal: a hole in physical memory stops a transfer", Needs.Rig, Hole),
        new("refusal: a malformed list is refused, and nothing is done", Needs.Rig | Needs.Frames | Needs.Pinning, MalformedLists),
        new("refusal: a list in a hole is refused", Needs.Rig, ListInHole),
        new("refusal: a hole in a list stops the transfer there", Needs.Rig | Needs.Frames | Needs.Pinning, HoleInList),
        new("refusal: frames of a list are handled in the list's order, the same one twice too", Needs.Rig | Needs.Frames | Needs.Pinning, ListOrder),
        new("refusal: a list may lie anywhere in its page", Needs.Rig | Needs.Frames | Needs.Pinning, ListAnywhere),
        new("refusal: there are 16 streams and 256 slots", Needs.Rig, OutOfRange),
    ];

    private static ulong PhysicalOf(GuestBuffer buffer, int page = 0)
    {
        Check.That(buffer.TryQueryPages(out GuestPageMap? map, out GuestMemoryRefusal? refusal), refusal?.Message ?? "");
        Check.Equal(GuestPageState.Present, map.Pages.Span[page].State);
        return map.Pages.Span[page].Frame.Address.Value;
    }

    private static void ReservedBits(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(Page);
        using GuestBuffer list = context.Allocate(Page);
        byte[] before = buffer.Span.ToArray();
        ulong listLength = WriteList(list.Span, 100, 0, PhysicalOf(buffer) >> GuestPage.Shift);
        context.Rig.Reset();
        foreach (string name in Transfers)
        {
            (ulong rbx, ulong rcx) = name == RigClient.ByList ? (PhysicalOf(list), listLength)
                : (name == RigClient.ByPhysicalAddress ? PhysicalOf(buffer) : buffer.Address.Value, 100ul);
            for (int bit = 0; bit < 64; bit++)
            {
                if (bit is not (0 or 1 or 4 or 5))
                {
                    Check.Equal(Refused, context.Rig.Call(name, rbx, rcx, 3 | (1ul << bit), 0x11), $"{name}, bit {bit} of RDX");
                }

                if (bit >= 12)
                {
                    Check.Equal(Refused, context.Rig.Call(name, rbx, rcx, 3, 0x11 | (1ul << bit)), $"{name}, bit {bit} of RSI");
                }
            }

            Check.Bytes(before, buffer.Span, $"{name}: the buffer");
            Check.Equal(RigStream.Empty, context.Rig.Read(), $"{name}: what the VMM saw");
        }
    }

    private static void TooLong(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(Page);
        foreach (string name in (string[])[RigClient.ByPhysicalAddress, RigClient.ByVirtualAddress, RigClient.ByVirtualAddressBytewise])
        {
            foreach (ulong length in (ulong[])[(1ul << 30) + 1, 1ul << 32, 1ul << 63, ulong.MaxValue])
            {
                Check.Equal(Refused, context.Rig.Hand(name, buffer.Address.Value, length, Direction.ToVmm), $"{name}, {length} bytes");
            }
        }
    }

    private static void NoBytes(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(Page);
        context.Rig.Reset();
        foreach (string name in (string[])[RigClient.ByPhysicalAddress, RigClient.ByVirtualAddress, RigClient.ByVirtualAddressBytewise])
        {
            Check.Equal(0ul, context.Rig.Hand(name, buffer.Address.Value, 0, Direction.Both), name);
        }

        Check.Equal(RigStream.Empty, context.Rig.Read());
    }

    private static void ArgumentsStay(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(Page);
        using GuestBuffer list = context.Allocate(Page);
        ulong listLength = WriteList(list.Span, 100, 0, PhysicalOf(buffer) >> GuestPage.Shift);
        foreach (string name in Transfers)
        {
            HypercallRegisters before = Frames.Random(context.Random) with { Rdx = 3, Rsi = 0x123 };
            (before.Rbx, before.Rcx) = name == RigClient.ByList ? (PhysicalOf(list), listLength)
                : (name == RigClient.ByPhysicalAddress ? PhysicalOf(buffer) : buffer.Address.Value, 100ul);
            HypercallRegisters after = before;
            context.Rig.Get(name).Call(ref after);
            Check.Equal(100ul, after.Rax, name);
            Frames.CheckUnchanged(before, after, GeneralRegister.Rax);
        }
    }

    private static void Hole(ScenarioContext context)
    {
        context.Rig.Reset();
        foreach (ulong address in Nowhere.PhysicalAddresses)
        {
            foreach (Direction direction in (Direction[])[Direction.ToVmm, Direction.FromVmm, Direction.Both])
            {
                Check.Equal(0ul, context.Rig.Hand(RigClient.ByPhysicalAddress, address, 5000, direction), $"0x{address:x}, {direction}");
            }
        }

        Check.Equal(RigStream.Empty, context.Rig.Read());
        Check.Equal(0ul, context.Rig.Hand(RigClient.ByPhysicalAddress, ulong.MaxValue - 10, 100, Direction.ToVmm), "a range that wraps");
    }

    /// <summary>Writes a GPA_RANGE.</summary>
    /// <returns>Its length in bytes.</returns>
    private static ulong WriteList(Span<byte> list, uint bytes, uint offset, params ReadOnlySpan<ulong> frames)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(list, bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(list[4..], offset);
        for (int i = 0; i < frames.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(list[(8 + (i * 8))..], frames[i]);
        }

        return 8 + ((ulong)frames.Length * 8);
    }

    private static void MalformedLists(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(Page);
        using GuestBuffer list = context.Allocate(Page);
        byte[] before = buffer.Span.ToArray();
        ulong frame = PhysicalOf(buffer) >> GuestPage.Shift;
        ulong at = PhysicalOf(list);
        context.Rig.Reset();

        _ = WriteList(list.Span, 100, 0, frame, frame);
        Reject(at, 24, "a frame too many");
        _ = WriteList(list.Span, Page + 1, 0, frame);
        Reject(at, 16, "a frame too few");
        _ = WriteList(list.Span, 2, Page - 1, frame);
        Reject(at, 16, "a range that crosses into a frame that is not listed");
        _ = WriteList(list.Span, 100, Page, frame);
        Reject(at, 16, "an offset of a whole page");
        _ = WriteList(list.Span, 100, uint.MaxValue, frame);
        Reject(at, 16, "an offset of almost 4 GiB");
        _ = WriteList(list.Span, 0, 0, frame);
        Reject(at, 16, "no bytes, one frame");
        _ = WriteList(list.Span, uint.MaxValue, 0, frame);
        Reject(at, 16, "4 GiB, one frame");
        _ = WriteList(list.Span, 100, 0, frame);
        Reject(at, 0, "a list of 0 bytes");
        Reject(at, 8, "a list without frames");
        Reject(at, 15, "a list of 15 bytes");
        Reject(at, 17, "a list of 17 bytes");
        Reject(at, 20, "half a frame number");
        Reject(at, 8 + (512 * 8), "512 frames");
        Reject(at, ulong.MaxValue, "a list of all bytes there are");
        _ = WriteList(list.Span[(Page - 8)..], 100, 0);
        Reject(at + Page - 8, 16, "a list across two pages");
        Check.Bytes(before, buffer.Span, "the buffer");
        Check.Equal(RigStream.Empty, context.Rig.Read());

        void Reject(ulong address, ulong length, string what) =>
            Check.Equal(Refused, context.Rig.Hand(RigClient.ByList, address, length, Direction.Both, 0x11), what);
    }

    private static void ListInHole(ScenarioContext context)
    {
        foreach (ulong address in Nowhere.PhysicalAddresses)
        {
            Check.Equal(Refused, context.Rig.Hand(RigClient.ByList, address & ~7ul, 16, Direction.ToVmm), $"a list at 0x{address:x}");
        }
    }

    private static void HoleInList(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(Page);
        using GuestBuffer list = context.Allocate(Page);
        ulong length = WriteList(list.Span, 3 * Page, 0, PhysicalOf(buffer) >> GuestPage.Shift, Nowhere.PhysicalAddresses[0] >> GuestPage.Shift, PhysicalOf(buffer) >> GuestPage.Shift);
        byte[] expected = buffer.Span.ToArray();
        RigStream model = RigStream.Empty;
        model.Handle(expected, Direction.Both, 0x11);
        context.Rig.Reset();
        Check.Equal((ulong)Page, context.Rig.Hand(RigClient.ByList, PhysicalOf(list), length, Direction.Both, 0x11));
        Check.Equal(model, context.Rig.Read());
        Check.Bytes(expected, buffer.Span, "the buffer");
    }

    private static void ListOrder(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(2 * Page);
        using GuestBuffer list = context.Allocate(Page);
        ulong first = PhysicalOf(buffer) >> GuestPage.Shift;
        ulong second = PhysicalOf(buffer, 1) >> GuestPage.Shift;
        ulong length = WriteList(list.Span, (3 * Page) - 10, 10, second, first, second);
        byte[] seen = [.. buffer.Span[(Page + 10)..], .. buffer.Span[..Page], .. buffer.Span[Page..]];
        context.Rig.Reset();
        Check.Equal((ulong)seen.Length, context.Rig.Hand(RigClient.ByList, PhysicalOf(list), length, Direction.ToVmm));
        Check.Equal(RigStream.HashOf(seen), context.Rig.Read().Hash);
    }

    private static void ListAnywhere(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(Page);
        using GuestBuffer list = context.Allocate(Page);
        ulong frame = PhysicalOf(buffer) >> GuestPage.Shift;
        foreach (int at in (int[])[0, 8, 2048, Page - 16])
        {
            ulong length = WriteList(list.Span[at..], 100, 0, frame);
            Check.Equal(100ul, context.Rig.Hand(RigClient.ByList, PhysicalOf(list) + (ulong)at, length, Direction.ToVmm), $"a list at offset {at}");
        }
    }

    private static void OutOfRange(ScenarioContext context)
    {
        Check.Equal(Refused, context.Rig.Call("stream_reset", 16));
        Check.Equal(Refused, context.Rig.Call("stream_read", 16));
        Check.Equal(Refused, context.Rig.Call("hold", 0, 0, 256));
        Check.Equal(Refused, context.Rig.Call("held_write", 0, 0, 256));
        Check.Equal(Refused, context.Rig.Call("held_read", 0, 0, 256));
    }
}
