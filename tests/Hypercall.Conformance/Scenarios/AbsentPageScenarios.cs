using System.Numerics;

namespace Hypercall.Conformance.Scenarios;

/// <summary>
/// What a VMM that walks the page table does at a page that is not there: it stops, fails at once, or injects #PF and runs the
/// instruction again.
/// </summary>
internal static class AbsentPageScenarios
{
    private const int Pages = 4;
    private const int Offset = 100;
    private const long Length = (Pages * GuestPage.Size) - 300;

    private static readonly string[] Walkers = [RigClient.ByVirtualAddress, RigClient.ByVirtualAddressBytewise];
    private static readonly Direction[] Directions = [Direction.ToVmm, Direction.FromVmm, Direction.Both];

    public static IEnumerable<Scenario> All { get; } = [.. Make()];

    private static IEnumerable<Scenario> Make()
    {
        foreach (string walker in Walkers)
        {
            yield return new($"absent page: {walker} stops before it, whichever pages are absent", Needs.Rig, context => Stops(context, walker));
            yield return new($"absent page: {walker} fails at once and touches nothing", Needs.Rig, context => FailsAtOnce(context, walker));
            yield return new($"absent page: {walker} injects #PF, and everything arrives", Needs.Rig | Needs.Injection, context => Injects(context, walker));
            yield return new($"absent page: {walker} injects #PF for swapped-out pages, and their content arrives", Needs.Rig | Needs.Injection | Needs.Swap, context =>
                InjectsForSwapped(context, walker));
            yield return new($"absent page: {walker} stops at nothing mapped", Needs.Rig, context => StopsNowhere(context, walker));
            yield return new($"absent page: {walker} stops before a page that it may not write", Needs.Rig | Needs.Protection, context => StopsAtReadOnly(context, walker));
            yield return new($"absent page: {walker} fails at once at a page that it may not write", Needs.Rig | Needs.Protection, context => FailsAtReadOnly(context, walker));
            yield return new($"absent page: {walker} reads a read-only page", Needs.Rig | Needs.Protection, context => ReadsReadOnly(context, walker));
            yield return new($"absent page: {walker} writes no page that was only read", Needs.Rig | Needs.RealKernel, context => ZeroPage(context, walker));
            yield return new($"absent page: {walker} injects #PF for a page that was only read, and it is written", Needs.Rig | Needs.RealKernel | Needs.Injection, context =>
                InjectsForZeroPage(context, walker));
            yield return new($"absent page: {walker}, an injected #PF that nobody can serve is a result with its address", Needs.Rig | Needs.Injection, context =>
                UnservedFault(context, walker));
            yield return new($"absent page: {walker}, at an address that is not canonical the VMM injects #GP, as the CPU would raise it", Needs.Rig | Needs.Injection, context =>
                NotCanonical(context, walker));
            yield return new($"absent page: {walker}, an injected #PF on a read-only page is a result with its address", Needs.Rig | Needs.Injection | Needs.Protection, context =>
                UnservedWrite(context, walker));
        }

        yield return new("absent page: one that moves is back after a touch", Needs.Rig | Needs.Compaction, MovesAway);
    }

    /// <summary>Runs a check with each of the 16 sets of absent pages, or fewer on a slow machine.</summary>
    private static void ForEachSet(ScenarioContext context, string walker, Action<int, Direction> check)
    {
        int step = !context.IsSlow || walker == RigClient.ByVirtualAddress ? 1 : 5;
        for (int absent = 0; absent < 1 << Pages; absent += step)
        {
            foreach (Direction direction in Directions)
            {
                check(absent, direction);
            }
        }
    }

    private static GuestBuffer Prepare(ScenarioContext context, int absent)
    {
        GuestBuffer buffer = context.Fill(Pages * GuestPage.Size, Residency.Touched);
        for (int page = 0; page < Pages; page++)
        {
            if ((absent & (1 << page)) != 0)
            {
                context.Machine.MigratePage(buffer, page);
            }
        }

        return buffer;
    }

    private static void Stops(ScenarioContext context, string walker) => ForEachSet(context, walker, (absent, direction) =>
    {
        using GuestBuffer buffer = context.Fill(Pages * GuestPage.Size, Residency.Touched);
        byte[] expected = buffer.Span.ToArray();
        int first = absent == 0 ? Pages : BitOperations.TrailingZeroCount(absent);
        long there = Math.Clamp((first * GuestPage.Size) - Offset, 0, Length);
        for (int page = 0; page < Pages; page++)
        {
            if ((absent & (1 << page)) != 0)
            {
                context.Machine.MigratePage(buffer, page);
            }
        }

        RigStream model = RigStream.Empty;
        model.Handle(expected.AsSpan(Offset, (int)there), direction, 0x11);
        context.Rig.Reset();
        ulong done = context.Rig.Hand(walker, buffer.Address.Value + Offset, (ulong)Length, direction, 0x11);
        Check.Equal((ulong)there, done, $"absent pages {absent:b4}, {direction}");
        Check.Equal(model, context.Rig.Read(), $"absent pages {absent:b4}, {direction}: what the VMM saw");
        int known = Math.Min(first, Pages) * GuestPage.Size; // what lies in absent pages may be lost
        Check.Bytes(expected.AsSpan(0, known), buffer.Span[..known], $"absent pages {absent:b4}, {direction}");
    });

    private static void FailsAtOnce(ScenarioContext context, string walker) => ForEachSet(context, walker, (absent, direction) =>
    {
        using GuestBuffer buffer = Prepare(context, absent);
        context.Rig.Reset();
        ulong done = context.Rig.Hand(walker, buffer.Address.Value + Offset, (ulong)Length, direction, 0x11, AbsentPage.FailAtOnce);
        Check.Equal(absent == 0 ? (ulong)Length : 0, done, $"absent pages {absent:b4}, {direction}");
        Check.Equal(done, context.Rig.Read().Position, $"absent pages {absent:b4}, {direction}");
    });

    private static void Injects(ScenarioContext context, string walker) => ForEachSet(context, walker, (absent, direction) =>
    {
        using GuestBuffer buffer = context.Fill(Pages * GuestPage.Size, Residency.Touched);
        byte[] expected = buffer.Span.ToArray();
        for (int page = 0; page < Pages; page++)
        {
            if ((absent & (1 << page)) != 0)
            {
                expected.AsSpan(page * GuestPage.Size, GuestPage.Size).Clear(); // zeros when it comes
                context.Machine.MigratePage(buffer, page);
            }
        }

        RigStream model = RigStream.Empty;
        model.Handle(expected.AsSpan(Offset, (int)Length), direction, 0x11);
        context.Rig.Reset();
        ulong done = context.Rig.Hand(walker, buffer.Address.Value + Offset, (ulong)Length, direction, 0x11, AbsentPage.Inject);
        Check.Equal((ulong)Length, done, $"absent pages {absent:b4}, {direction}");
        Check.Equal(model, context.Rig.Read(), $"absent pages {absent:b4}, {direction}: what the VMM saw");
        Check.Bytes(expected, buffer.Span, $"absent pages {absent:b4}, {direction}");
    });

    private static void InjectsForSwapped(ScenarioContext context, string walker)
    {
        foreach (Direction direction in Directions)
        {
            using GuestBuffer buffer = context.Fill(Pages * GuestPage.Size, Residency.Touched);
            byte[] expected = buffer.Span.ToArray();
            RigStream model = RigStream.Empty;
            model.Handle(expected.AsSpan(Offset, (int)Length), direction, 0x11);
            for (int page = 0; page < Pages; page++)
            {
                context.Machine.SwapOut(buffer, page);
            }

            context.Rig.Reset();
            Check.Equal((ulong)Length, context.Rig.Hand(walker, buffer.Address.Value + Offset, (ulong)Length, direction, 0x11, AbsentPage.Inject), $"{direction}");
            Check.Equal(model, context.Rig.Read(), $"{direction}: what the VMM saw");
            Check.Bytes(expected, buffer.Span, $"{direction}");
        }
    }

    private static void StopsNowhere(ScenarioContext context, string walker)
    {
        context.Rig.Reset();
        foreach (ulong address in Nowhere.VirtualAddresses)
        {
            foreach (Direction direction in Directions)
            {
                foreach (AbsentPage absent in (AbsentPage[])[AbsentPage.Stop, AbsentPage.FailAtOnce])
                {
                    Check.Equal(0ul, context.Rig.Hand(walker, address, 5000, direction, 0, absent), $"0x{address:x}, {direction}, {absent}");
                }
            }
        }

        Check.Equal(RigStream.Empty, context.Rig.Read());
    }

    private static void StopsAtReadOnly(ScenarioContext context, string walker) => WithReadOnlyPage(context, (buffer, page) =>
    {
        foreach (Direction direction in (Direction[])[Direction.FromVmm, Direction.Both])
        {
            byte[] before = buffer.Span.ToArray();
            ulong there = (ulong)Math.Max(0, (page * GuestPage.Size) - Offset);
            Check.Equal(there, context.Rig.Hand(walker, buffer.Address.Value + Offset, (ulong)Length, direction, 0x11), $"read-only page {page}, {direction}");
            Check.Bytes(before.AsSpan(page * GuestPage.Size), buffer.Span[(page * GuestPage.Size)..], $"from read-only page {page} on, {direction}");
        }
    });

    private static void FailsAtReadOnly(ScenarioContext context, string walker) => WithReadOnlyPage(context, (buffer, page) =>
    {
        byte[] before = buffer.Span.ToArray();
        Check.Equal(0ul, context.Rig.Hand(walker, buffer.Address.Value + Offset, (ulong)Length, Direction.FromVmm, 0x11, AbsentPage.FailAtOnce), $"read-only page {page}");
        Check.Bytes(before, buffer.Span, $"read-only page {page}");
    });

    private static void ReadsReadOnly(ScenarioContext context, string walker) => WithReadOnlyPage(context, (buffer, page) =>
    {
        context.Rig.Reset();
        Check.Equal((ulong)Length, context.Rig.Hand(walker, buffer.Address.Value + Offset, (ulong)Length, Direction.ToVmm), $"read-only page {page}");
        Check.Equal(RigStream.HashOf(buffer.Span.Slice(Offset, (int)Length)), context.Rig.Read().Hash, $"read-only page {page}");
    });

    private static void WithReadOnlyPage(ScenarioContext context, Action<GuestBuffer, int> check)
    {
        for (int page = 0; page < Pages; page++)
        {
            using GuestBuffer buffer = context.Fill(Pages * GuestPage.Size, Residency.Touched);
            context.Machine.Protect(buffer, page, readOnly: true);
            try
            {
                check(buffer, page);
            }
            finally
            {
                context.Machine.Protect(buffer, page, readOnly: false);
            }
        }
    }

    // A page that was only read is the kernel's one page of zeros, which every process shares.
    private static GuestBuffer OnlyRead(ScenarioContext context)
    {
        GuestBuffer buffer = context.Fill(GuestPage.Size, Residency.Touched);
        context.Machine.MigratePage(buffer, 0);
        Check.Equal(0, System.Runtime.InteropServices.Marshal.ReadByte((nint)buffer.Address.Value));
        return buffer;
    }

    private static void ZeroPage(ScenarioContext context, string walker)
    {
        using GuestBuffer buffer = OnlyRead(context);
        context.Rig.Reset();
        Check.Equal(0ul, context.Rig.Hand(walker, buffer.Address.Value, 100, Direction.FromVmm, 0x11), "from the VMM");
        Check.Equal(100ul, context.Rig.Hand(walker, buffer.Address.Value, 100, Direction.ToVmm), "to the VMM");
        Check.Equal(RigStream.HashOf(new byte[100]), context.Rig.Read().Hash);
    }

    private static void InjectsForZeroPage(ScenarioContext context, string walker)
    {
        using GuestBuffer buffer = OnlyRead(context);
        using GuestBuffer other = OnlyRead(context);
        context.Rig.Reset();
        Check.Equal(100ul, context.Rig.Hand(walker, buffer.Address.Value, 100, Direction.FromVmm, 0x11, AbsentPage.Inject));
        byte[] expected = new byte[GuestPage.Size];
        RigStream model = RigStream.Empty;
        model.Handle(expected.AsSpan(0, 100), Direction.FromVmm, 0x11);
        Check.Bytes(expected, buffer.Span, "the page");
        Check.Bytes(new byte[GuestPage.Size], other.Span, "another page that was only read");
    }

    private static void UnservedFault(ScenarioContext context, string walker)
    {
        HypercallFunction function = context.Rig.Get(walker);
        foreach (Direction direction in Directions)
        {
            const ulong Address = 0x10; // page 0, which Linux maps for nobody
            HypercallStatus status = function.TryCall(out _, Address, 100, RigClient.Operation(direction, AbsentPage.Inject), RigClient.KeyAndStream(0, 0));
            Check.Equal(CpuFaultKind.PageFault, status.Fault.Kind, $"{direction}");
            Check.Equal(Address, status.Fault.Address.Value, $"{direction}: CR2");
            Check.Equal(direction == Direction.ToVmm ? 4ul : 6ul, status.Fault.ErrorCode & 7, $"{direction}: not present, by user, a write or not");
            Check.That(!status.Fault.IsOnInstruction, $"{direction}: the fault is the buffer's");
        }

        Check.Equal(3ul, context.Rig.Call("add", 1, 2), "afterwards");
    }

    private static void NotCanonical(ScenarioContext context, string walker)
    {
        HypercallStatus status = context.Rig.Get(walker).TryCall(
            out _, 0x8000_0000_0000_0000, 100, RigClient.Operation(Direction.ToVmm, AbsentPage.Inject), RigClient.KeyAndStream(0, 0));
        Check.Equal(CpuFaultKind.GeneralProtection, status.Fault.Kind);
        Check.Equal(3ul, context.Rig.Call("add", 1, 2), "afterwards");
    }

    private static void UnservedWrite(ScenarioContext context, string walker) => WithReadOnlyPage(context, (buffer, page) =>
    {
        HypercallStatus status = context.Rig.Get(walker).TryCall(
            out _, buffer.Address.Value + Offset, (ulong)Length, RigClient.Operation(Direction.FromVmm, AbsentPage.Inject), RigClient.KeyAndStream(0x11, 0));
        Check.Equal(CpuFaultKind.PageFault, status.Fault.Kind, $"read-only page {page}");
        Check.Equal(buffer.Address.Value + (ulong)Math.Max(Offset, page * GuestPage.Size), status.Fault.Address.Value, $"read-only page {page}: CR2");
        Check.Equal(7ul, status.Fault.ErrorCode & 7, $"read-only page {page}: present, by user, a write");
    });

    private static void MovesAway(ScenarioContext context)
    {
        using IDisposable fragments = context.Machine.Fragment(context.Fragmented);
        using GuestBuffer buffer = context.Fill(16 * GuestPage.Size, Residency.Locked);
        byte[] expected = buffer.Span.ToArray();
        for (int i = 0; i < 3; i++)
        {
            context.Machine.Compact(buffer);
            context.Rig.Reset();
            TransferResult result = context.Rig.Get(RigClient.ByVirtualAddress).TryTransfer(buffer, Passing.Virtual, Direction.ToVmm, RigClient.Rule, RigClient.Options(Direction.ToVmm, 0));
            Check.Equal(TransferOutcome.Completed, result.Outcome, result.Message);
            Check.Equal(RigStream.HashOf(expected), context.Rig.Read().Hash);
        }
    }
}
