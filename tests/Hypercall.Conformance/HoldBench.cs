using System.Globalization;
using Hypercall.BitVisor;

namespace Hypercall.Conformance;

/// <summary>
/// Locked as against pinned memory: the VMM holds each page by its physical address while the kernel compacts memory, and is then
/// asked what it sees.
/// </summary>
internal static class HoldBench
{
    private const int Pages = 128;

    public static int Run(int rounds, TextWriter output)
    {
        IConformanceMachine machine = RealMachine.Open(RigWay.Instruction);
        RigClient rig = new(new BitVisorClient(machine.Hardware));
        foreach (Residency residency in (Residency[])[Residency.Locked, Residency.Pinned])
        {
            int moved = 0;
            int wrong = 0;
            int hit = 0;
            for (int round = 0; round < rounds; round++)
            {
                (int movedNow, int wrongNow) = Round(machine, rig, residency, round);
                moved += movedNow;
                wrong += wrongNow;
                hit += wrongNow != 0 ? 1 : 0;
            }

            output.Write(string.Create(
                CultureInfo.InvariantCulture,
                $"hold {residency}: {moved} of {rounds * Pages} pages moved, the VMM saw somebody else's bytes in {wrong}, in {hit} of {rounds} rounds\n"));
            output.Flush();
        }

        return 0;
    }

    private static (int Moved, int Wrong) Round(IConformanceMachine machine, RigClient rig, Residency residency, int seed)
    {
        using IDisposable fragments = machine.Fragment(128 << 20);
        using GuestBuffer buffer = machine.Hardware.Memory.Allocate(Pages * GuestPage.Size, residency);
        new Random(seed).NextBytes(buffer.Span);
        ReadOnlyMemory<GuestFrameNumber> before = ScenarioContext.FramesOf(buffer).Frames;
        using GuestBufferLease lease = buffer.Lease("the rig", acceptMemoryCorruptionIfPagesMove: true);
        for (int page = 0; page < Pages; page++)
        {
            _ = rig.Call("hold", before.Span[page].Address.Value, GuestPage.Size, (ulong)page);
        }

        machine.Compact(buffer);
        new Random(~seed).NextBytes(buffer.Span); // what the VMM should see
        ReadOnlySpan<GuestFrameNumber> after = ScenarioContext.FramesOf(buffer).Frames.Span;
        int moved = 0;
        int wrong = 0;
        for (int page = 0; page < Pages; page++)
        {
            moved += after[page] == before.Span[page] ? 0 : 1;
            wrong += rig.Call("held_read", rdx: (ulong)page) == RigStream.HashOf(buffer.Span.Slice(page * GuestPage.Size, GuestPage.Size)) ? 0 : 1;
            _ = rig.Call("hold", 0, 0, (ulong)page);
        }

        return (moved, wrong);
    }
}
