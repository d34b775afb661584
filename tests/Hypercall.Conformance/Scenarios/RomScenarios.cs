using System.Buffers.Binary;

namespace Hypercall.Conformance.Scenarios;

/// <summary>The VMM's own memory, which the guest sees as ROM.</summary>
internal static class RomScenarios
{
    private const ulong GoOn = 1;
    private const ulong Tell = 2;

    public static IEnumerable<Scenario> All { get; } =
    [
        new("rom: the VMM tells where its memory is, and no frame of the program's lies there", Needs.Rig | Needs.Frames, NoOverlap),
        new("rom: a read of it through the VMM gives the same each time", Needs.Rig, Readable),
        new("rom: a write to it through the VMM is counted and changes nothing", Needs.Rig, WriteRefused),
        new("rom: a list with a frame of it in the middle writes all the others", Needs.Rig | Needs.Frames | Needs.Pinning, InAList),
        new("rom: what the VMM holds may not be its own memory either", Needs.Rig, Held),
        new("rom: the guest reads it as ROM, and its own write changes nothing", Needs.Rig | Needs.RealKernel | Needs.Frames, SeenFromTheGuest),
        new("rom: the policy tells the old one, and stays", Needs.Rig, Policy),
        new("rom: a write to it panics the VMM", Needs.Rig | Needs.Destruction, Panics),
    ];

    private static (ulong Start, ulong Length) Where(ScenarioContext context)
    {
        HypercallResult result = context.Rig.Get("vmm_memory").Call();
        Check.Equal(0ul, result.Rax, "vmm_memory");
        return (result.Rbx, result.Rcx);
    }

    private static ulong Refused(ScenarioContext context) => context.Rig.Get("rom_policy").Call(Tell).Rcx;

    private static void NoOverlap(ScenarioContext context)
    {
        (ulong start, ulong length) = Where(context);
        Check.That(length >= GuestPage.Size && start % GuestPage.Size == 0 && length % GuestPage.Size == 0, $"0x{length:x} bytes at 0x{start:x}");
        using GuestBuffer buffer = context.Fill(1 << 20);
        Check.That(buffer.TryQueryPages(out GuestPageMap? map, out _));
        foreach (GuestPage page in map.Pages.Span)
        {
            ulong address = page.Frame.Address.Value;
            Check.That(address < start || address - start >= length, "a frame of the program's is the VMM's");
        }
    }

    private static RigStream ReadRom(ScenarioContext context, ulong start, ulong length)
    {
        context.Rig.Reset(5);
        Check.Equal(length, context.Rig.Hand(RigClient.ByPhysicalAddress, start, length, Direction.ToVmm, stream: 5));
        return context.Rig.Read(5);
    }

    private static void Readable(ScenarioContext context)
    {
        (ulong start, ulong length) = Where(context);
        ulong bytes = Math.Min(length, 3 * GuestPage.Size);
        Check.Equal(ReadRom(context, start, bytes), ReadRom(context, start, bytes));
        _ = ReadRom(context, start + length - 100, 100);
    }

    private static void GoingOn(ScenarioContext context, Action action)
    {
        ulong old = context.Rig.Call("rom_policy", GoOn);
        try
        {
            action();
        }
        finally
        {
            _ = context.Rig.Call("rom_policy", old);
        }
    }

    private static void WriteRefused(ScenarioContext context) => GoingOn(context, () =>
    {
        (ulong start, ulong length) = Where(context);
        foreach ((ulong at, ulong bytes) in ((ulong, ulong)[])[(start, 1), (start + 100, 5000), (start + length - 8, 8)])
        {
            foreach (Direction direction in (Direction[])[Direction.FromVmm, Direction.Both])
            {
                RigStream before = ReadRom(context, at, bytes);
                ulong refused = Refused(context);
                Check.Equal(bytes, context.Rig.Hand(RigClient.ByPhysicalAddress, at, bytes, direction, 0x11), "bytes handled");
                Check.That(Refused(context) > refused, "the write was not counted");
                Check.Equal(before, ReadRom(context, at, bytes), "the VMM's memory");
            }
        }

        Check.Equal(3ul, context.Rig.Call("add", 1, 2), "afterwards");
    });

    private static void InAList(ScenarioContext context) => GoingOn(context, () =>
    {
        (ulong start, _) = Where(context);
        using GuestBuffer buffer = context.Fill(2 * GuestPage.Size);
        using GuestBuffer list = context.Allocate(GuestPage.Size);
        ReadOnlySpan<GuestFrameNumber> frames = ScenarioContext.FramesOf(buffer).Frames.Span;
        BinaryPrimitives.WriteUInt32LittleEndian(list.Span, 3 * GuestPage.Size);
        BinaryPrimitives.WriteUInt32LittleEndian(list.Span[4..], 0);
        BinaryPrimitives.WriteUInt64LittleEndian(list.Span[8..], frames[0].Value);
        BinaryPrimitives.WriteUInt64LittleEndian(list.Span[16..], start >> GuestPage.Shift);
        BinaryPrimitives.WriteUInt64LittleEndian(list.Span[24..], frames[1].Value);
        byte[] expected = new byte[3 * GuestPage.Size];
        RigStream model = RigStream.Empty;
        model.Handle(expected, Direction.FromVmm, 0x61);
        context.Rig.Reset();
        Check.Equal(3ul * GuestPage.Size, context.Rig.Hand(RigClient.ByList, ScenarioContext.FramesOf(list).Start.Value, 32, Direction.FromVmm, 0x61));
        Check.Bytes(expected.AsSpan(0, GuestPage.Size), buffer.Span[..GuestPage.Size], "the page before");
        Check.Bytes(expected.AsSpan(2 * GuestPage.Size), buffer.Span[GuestPage.Size..], "the page behind");
    });

    private static void Held(ScenarioContext context) => GoingOn(context, () =>
    {
        (ulong start, _) = Where(context);
        RigStream before = ReadRom(context, start, GuestPage.Size);
        Check.Equal(0ul, context.Rig.Call("hold", start, GuestPage.Size, 7));
        ulong refused = Refused(context);
        _ = context.Rig.Call("held_write", rdx: 7, rsi: 0x11);
        Check.That(Refused(context) > refused, "the write was not counted");
        Check.Equal(before, ReadRom(context, start, GuestPage.Size), "the VMM's memory");
        Check.Equal(0ul, context.Rig.Call("hold", 0, 0, 7));
    });

    private static void SeenFromTheGuest(ScenarioContext context)
    {
        (ulong start, _) = Where(context);
        using PhysicalWindow window = PhysicalWindow.Open(start, GuestPage.Size);
        byte[] before = window.Bytes.ToArray();
        Check.Equal(RigStream.HashOf(before), ReadRom(context, start, GuestPage.Size).Hash, "what the VMM says the guest sees, and what it sees");
        window.Bytes[0] ^= 0xFF; // dropped, as by a ROM
        Check.Bytes(before, window.Bytes, "the VMM's memory after the guest's own write");
        Check.Equal(3ul, context.Rig.Call("add", 1, 2), "afterwards");
    }

    private static void Policy(ScenarioContext context)
    {
        ulong old = context.Rig.Call("rom_policy", Tell);
        Check.Equal(old, context.Rig.Call("rom_policy", GoOn));
        Check.Equal(GoOn, context.Rig.Call("rom_policy", Tell));
        Check.Equal(GoOn, context.Rig.Call("rom_policy", old));
        Check.Equal(old, context.Rig.Call("rom_policy", Tell));
    }

    private static void Panics(ScenarioContext context)
    {
        (ulong start, _) = Where(context);
        _ = context.Rig.Call("rom_policy", 0);
        _ = context.Rig.Hand(RigClient.ByPhysicalAddress, start, 1, Direction.FromVmm);
        throw new ScenarioFailedException("The VMM wrote to its own memory for the guest, and lives.");
    }
}
