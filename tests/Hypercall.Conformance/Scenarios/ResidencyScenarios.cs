namespace Hypercall.Conformance.Scenarios;

/// <summary>Which memory may go to the VMM by which technique, and what the kernel does to each kind.</summary>
internal static class ResidencyScenarios
{
    public static IEnumerable<Scenario> All { get; } =
    [
        new("residency: memory that may move or be swapped out is refused by physical address, before any call", Needs.Rig | Needs.Frames, Refusals),
        new("residency: the danger option lets locked memory be written by physical address", Needs.Rig | Needs.Frames, DangerOption),
        new("residency: only pinned memory may be kept by the VMM", Needs.Rig | Needs.Frames | Needs.Pinning, KeptMemory),
        new("residency: scattered memory is refused as contiguous, and says where it breaks", Needs.Rig | Needs.Frames | Needs.Pinning, Scattered),
        new("residency: memory of 2 MiB in one piece is in one piece", Needs.Frames | Needs.Contiguous, OnePiece),
        new("residency: locked memory is not swapped out", Needs.Swap | Needs.RealKernel, LockedStaysIn),
        new("residency: pinned memory is not swapped out", Needs.Swap | Needs.RealKernel | Needs.Pinning, PinnedStaysIn),
        new("residency: a swapped-out page comes back with its content when it is handed over", Needs.Rig | Needs.Swap, SwappedComesBack),
        new("residency: an absent page comes back when it is handed over", Needs.Rig, AbsentComesBack),
    ];

    private static void Refusals(ScenarioContext context)
    {
        int refused = 0;
        foreach (Passing passing in (Passing[])[Passing.Contiguous, Passing.PageByPage, Passing.FrameList, Passing.Auto])
        {
            foreach (Direction direction in (Direction[])[Direction.ToVmm, Direction.FromVmm, Direction.Both])
            {
                foreach (Residency residency in (Residency[])[Residency.Touched, Residency.Locked])
                {
                    using GuestBuffer buffer = context.Fill(100, residency);
                    byte[] before = buffer.Span.ToArray();
                    context.Rig.Reset();
                    TransferResult result = context.Rig.Get(RigClient.FunctionFor(passing)).TryTransfer(buffer, passing, direction, RigClient.Rule, RigClient.Options(direction, 9));
                    if (residency == Residency.Locked && direction == Direction.ToVmm)
                    {
                        Check.That(result.Outcome is TransferOutcome.Completed or TransferOutcome.Moved, result.Message);
                        continue;
                    }

                    refused++;
                    Check.Equal(TransferOutcome.Refused, result.Outcome, $"{passing}, {direction}, {residency}");
                    Check.Equal(GuestMemoryRefusalReason.NotPinned, result.Refusal!.Reason);
                    Check.Equal(0, result.Calls);
                    Check.Equal(RigStream.Empty, context.Rig.Read(), "what the VMM saw");
                    Check.Bytes(before, buffer.Span, "the buffer");
                }
            }
        }

        Check.Equal(20, refused);
    }

    private static void DangerOption(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(GuestPage.Size, Residency.Locked);
        byte[] expected = buffer.Span.ToArray();
        RigStream model = RigStream.Empty;
        model.Handle(expected, Direction.Both, 9);
        context.Rig.Reset();
        TransferResult result = context.Rig.Get(RigClient.ByPhysicalAddress).TryTransfer(
            buffer,
            Passing.Contiguous,
            Direction.Both,
            RigClient.Rule,
            RigClient.Options(Direction.Both, 9, acceptMemoryCorruption: true));
        Check.That(result.Outcome is TransferOutcome.Completed or TransferOutcome.Moved, result.Message);
        if (result.IsCompleted)
        {
            Check.Bytes(expected, buffer.Span, "the buffer");
        }
    }

    private static void KeptMemory(ScenarioContext context)
    {
        TransferOptions kept = RigClient.Options(Direction.ToVmm, 0, keptBy: "the rig");
        foreach (Residency residency in (Residency[])[Residency.Touched, Residency.Locked])
        {
            using GuestBuffer unfit = context.Fill(100, residency);
            Check.Equal(TransferOutcome.Refused, context.Rig.Get(RigClient.ByPhysicalAddress).TryTransfer(unfit, Passing.Contiguous, Direction.ToVmm, RigClient.Rule, kept).Outcome);
        }

        GuestBuffer buffer = context.Fill(100);
        TransferResult result = context.Rig.Get(RigClient.ByPhysicalAddress).Transfer(buffer, Passing.Contiguous, Direction.ToVmm, RigClient.Rule, kept);
        _ = Check.Throws<InvalidOperationException>(buffer.Dispose, "disposing memory that the VMM keeps");
        result.Lease!.Dispose();
        buffer.Dispose();
    }

    private static void Scattered(ScenarioContext context)
    {
        for (int attempt = 0; attempt < 100; attempt++)
        {
            using GuestBuffer buffer = context.Fill((64 + attempt) * GuestPage.Size);
            if (ScenarioContext.FramesOf(buffer).IsContiguous)
            {
                continue; // by chance
            }

            context.Rig.Reset();
            TransferResult result = context.Rig.Get(RigClient.ByPhysicalAddress).TryTransfer(
                buffer, Passing.Contiguous, Direction.ToVmm, RigClient.Rule, RigClient.Options(Direction.ToVmm, 0));
            Check.Equal(TransferOutcome.Refused, result.Outcome);
            Check.Equal(GuestMemoryRefusalReason.NotContiguous, result.Refusal!.Reason);
            Check.Equal(0ul, context.Rig.Read().Position, "bytes that the VMM saw");
            return;
        }

        throw new ScenarioFailedException("A hundred buffers of 64 pages and more were all contiguous: nothing was shown.");
    }

    private static void OnePiece(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(2 << 20, Residency.Pinned, Contiguity.Contiguous);
        Check.That(ScenarioContext.FramesOf(buffer).IsContiguous);
        Check.Equal(Contiguity.Contiguous, buffer.Contiguity);
    }

    private static void LockedStaysIn(ScenarioContext context) => StaysIn(context, Residency.Locked);

    private static void PinnedStaysIn(ScenarioContext context) => StaysIn(context, Residency.Pinned);

    private static void StaysIn(ScenarioContext context, Residency residency)
    {
        using GuestBuffer held = context.Fill(64 * GuestPage.Size, residency);
        using GuestBuffer other = context.Fill(64 * GuestPage.Size, Residency.Touched);
        for (int page = 0; page < 64; page++)
        {
            context.Machine.SwapOut(other, page); // the machine does swap
            try
            {
                context.Machine.SwapOut(held, page);
                throw new InvalidOperationException($"Page {page} of {residency} memory was swapped out.");
            }
            catch (Exception e) when (e is ScenarioFailedException or IOException)
            {
                // It stays in, or the kernel refuses to be told.
            }
        }
    }

    private static void SwappedComesBack(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(8 * GuestPage.Size, Residency.Touched);
        byte[] expected = buffer.Span.ToArray();
        foreach (Direction direction in (Direction[])[Direction.ToVmm, Direction.Both, Direction.FromVmm])
        {
            RigStream model = RigStream.Empty;
            model.Handle(expected, direction, 0x21);
            for (int page = 0; page < 8; page++)
            {
                context.Machine.SwapOut(buffer, page);
            }

            context.Rig.Reset();
            TransferResult result = context.Rig.Get(RigClient.ByVirtualAddress).TryTransfer(buffer, Passing.Virtual, direction, RigClient.Rule, RigClient.Options(direction, 0x21));
            Check.Equal(TransferOutcome.Completed, result.Outcome, result.Message);
            Check.Equal(model, context.Rig.Read(), $"{direction}: what the VMM saw");
            Check.Bytes(expected, buffer.Span, $"{direction}: the buffer");
        }
    }

    private static void AbsentComesBack(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(4 * GuestPage.Size, Residency.Touched);
        for (int page = 0; page < 4; page++)
        {
            context.Machine.MigratePage(buffer, page);
        }

        context.Rig.Reset();
        TransferResult result = context.Rig.Get(RigClient.ByVirtualAddress).TryTransfer(
            buffer, Passing.Virtual, Direction.FromVmm, RigClient.Rule, RigClient.Options(Direction.FromVmm, 0x42));
        Check.Equal(TransferOutcome.Completed, result.Outcome, result.Message);
        byte[] expected = new byte[buffer.Length];
        RigStream model = RigStream.Empty;
        model.Handle(expected, Direction.FromVmm, 0x42);
        Check.Bytes(expected, buffer.Span, "the buffer");
    }
}
