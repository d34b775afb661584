using System.Diagnostics.CodeAnalysis;

namespace Hypercall;

/// <summary>
/// One transfer under way: it vets, touches, translates, places, calls and judges. The technique and the layout are data.
/// </summary>
/// <remarks>
/// <code>
/// pinned, physical:   translate all, then    place, call, judge    place, call, judge ...
/// and nothing to judge: translate all, then  place, place ... call all (64 at a time)                a call that completed is done, so none waits for another
/// otherwise:          translate or touch, place, call, check, judge    translate or touch, ...    a piece at a time
/// </code>
/// </remarks>
internal sealed class Transfer(
    HypercallFunction function,
    TransferLayout layout,
    IHypercallChannel channel,
    IGuestMemory memory,
    DescriptorPages pages,
    GuestSlice slice,
    Direction direction,
    TransferRule rule,
    TransferOptions options,
    CancellationToken cancellation) : IDisposable
{
    private const int TranslationAttempts = 3;
    private const int PiecesTogether = 64;

    private readonly ulong[] _arguments = new ulong[function.Convention.Arguments.Count];
    private HypercallRegisters _registers;
    private GuestBufferLease? _lease;
    private DescriptorPage? _list;
    private DescriptorPage? _structure;
    private long _done;
    private long _calls;
    private Passing? _plan;
    private bool _isAuto;

    public TransferResult Run(Passing passing)
    {
        _isAuto = passing == Passing.Auto;
        _plan = _isAuto ? Choose() : passing;
        return CarryOut(_plan);
    }

    /// <summary>A transfer of one call, of registers only.</summary>
    /// <param name="convention">The convention.</param>
    /// <param name="status">How the instruction ended.</param>
    /// <param name="sent">The registers before it.</param>
    /// <param name="received">The registers after it.</param>
    /// <param name="length">How many bytes it was given.</param>
    /// <param name="rule">What the registers mean.</param>
    public static TransferResult OfRegisters(
        HypercallConvention convention, in HypercallStatus status, in HypercallRegisters sent, in HypercallRegisters received, long length, TransferRule rule)
    {
        Judgement judged = Judge(convention, in status, in sent, in received, length, rule);
        return new TransferResult(judged.Outcome, length)
        {
            BytesDone = judged.BytesDone, Calls = 1, Registers = received, Fault = status.Fault, ChannelRefusal = status.Refusal, Failure = judged.Failure,
        };
    }

    /// <summary>Finds the frames of a range at this moment; touches it while pages are absent.</summary>
    /// <param name="memory">The guest's memory.</param>
    /// <param name="part">What to touch.</param>
    /// <param name="address">Where the range starts.</param>
    /// <param name="length">Its length.</param>
    /// <param name="range">The frames.</param>
    /// <param name="refusal">Why they are not to be had.</param>
    public static bool TryTranslate(
        IGuestMemory memory,
        GuestSlice part,
        GuestVirtualAddress address,
        long length,
        [NotNullWhen(true)] out PagedRange? range,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        if (part.Buffer.FixedAddress is { } start)
        {
            range = PagedRange.From(new GuestPhysicalAddress(start.Value + (address.Value - part.Buffer.Address.Value)), length);
            refusal = null;
            return true;
        }

        for (int attempt = 1; ; attempt++)
        {
            range = null;
            if (!memory.TryQueryPages(address, length, out GuestPageMap? map, out refusal))
            {
                return false;
            }

            if (map.TryGetPagedRange(out range, out refusal))
            {
                return true;
            }

            bool mayPass = refusal.Reason is GuestMemoryRefusalReason.NotMapped or GuestMemoryRefusalReason.Swapped;
            if (!mayPass || attempt == TranslationAttempts)
            {
                return false;
            }

            // Even a locked page is absent while it moves; a touch waits for it.
            if (Touch(part) is { } untouchable)
            {
                refusal = untouchable;
                return false;
            }
        }
    }

    public void Dispose()
    {
        foreach (DescriptorPage? page in (ReadOnlySpan<DescriptorPage?>)[_list, _structure])
        {
            if (page is not null)
            {
                pages.Return(page);
            }
        }
    }

    private static GuestMemoryRefusal? Touch(GuestSlice part)
    {
        try
        {
            part.Buffer.TouchInCall(part.Offset, part.Length);
            return null;
        }
        catch (GuestMemoryException e)
        {
            return e.Refusal;
        }
    }

    private static Judgement Judge(
        HypercallConvention convention, in HypercallStatus status, in HypercallRegisters sent, in HypercallRegisters received, long length, TransferRule rule)
    {
        if (!status.IsCompleted)
        {
            return new Judgement(status.IsRefused ? TransferOutcome.ChannelRefused : TransferOutcome.Faulted, 0, null);
        }

        if (convention.IsForeign(in sent, in received))
        {
            return new Judgement(TransferOutcome.ForeignVmm, 0, null);
        }

        ulong result = convention.Result.Read(in received);
        if (convention.Failure.IsFailure(result))
        {
            return new Judgement(TransferOutcome.FunctionFailed, 0, $"it returned {convention.Failure.Describe(result)}.");
        }

        TransferAnswer answer = rule.Judge(in received, length);
        if (answer.BytesDone < 0 || answer.BytesDone > length)
        {
            return new Judgement(
                TransferOutcome.FunctionFailed,
                0,
                $"it claims {answer.BytesDone} bytes of the {length} that it was given. Check the rule that reads its registers.");
        }

        TransferOutcome outcome = answer.Failure is not null ? TransferOutcome.FunctionFailed
            : answer.BytesDone == length ? TransferOutcome.Completed : TransferOutcome.Incomplete;
        return new Judgement(outcome, answer.BytesDone, answer.Failure);
    }

    // Memory that is not pinned may scatter between this look and the call: then Contiguous refuses, and nothing is lost.
    private Passing Choose() =>
        TryTranslate(slice.Address, slice.Length, out PagedRange? range, out _) && range.IsContiguous ? Passing.Contiguous : Passing.FrameList;

    private TransferResult CarryOut(Passing plan)
    {
        if (Vet(plan.IsPhysical) is { } unfit)
        {
            return Refused(unfit);
        }

        bool isFixed = plan.IsPhysical && slice.Buffer.Residency == Residency.Pinned;
        if (!isFixed && Touch(slice) is { } untouchable)
        {
            return Refused(untouchable);
        }

        // Before anything is translated: getting a page takes long enough for memory that is not pinned to move.
        if (GetPages(plan) is { } unprepared)
        {
            // What keeps the data from being translated says more than what its list lacks.
            return Refused(!plan.IsPhysical || TryTranslate(slice.Address, 1, out _, out GuestMemoryRefusal? untranslatable) ? unprepared : untranslatable);
        }

        PagedRange? all = null;
        if (isFixed && !TryTranslate(slice.Address, slice.Length, out all, out GuestMemoryRefusal? refusal))
        {
            return Refused(refusal);
        }

        if (all is not null && MayGoTogether(plan))
        {
            return CallTogether(plan, all);
        }

        long length;
        for (long done = 0; done < slice.Length; done += length)
        {
            GuestVirtualAddress address = slice.Address + done;
            length = LengthOf(plan, address, slice.Length - done);
            PagedRange? piece = all?.Slice(done, length);
            if (plan.IsPhysical && piece is null && !TryTranslate(address, length, out piece, out refusal))
            {
                return Refused(refusal);
            }

            if (plan.IsContiguous && !piece!.IsContiguous)
            {
                return Refused(GuestMemoryRefusal.ForScattered(piece));
            }

            if (!plan.IsPhysical && done != 0 && Touch(slice.Buffer.Slice(slice.Offset + done, length)) is { } gone)
            {
                return Refused(gone); // the VMM cannot bring a page in, and an earlier call may have taken long
            }

            if (Call(plan, address, length, piece, mustStay: isFixed ? null : piece) is { } ended)
            {
                return ended;
            }
        }

        return End(TransferOutcome.Completed);
    }

    private long LengthOf(Passing plan, GuestVirtualAddress address, long left)
    {
        int frames = Math.Min(plan.FramesPerCall, layout.Descriptor?.MaxFrames ?? int.MaxValue);
        long length = frames == int.MaxValue ? left : Math.Min(left, ((long)frames << GuestPage.Shift) - address.PageOffset);
        return Math.Min(length, options.BytesPerCall ?? length);
    }

    /// <summary>Whether the memory may go to the VMM by an address that must stay true.</summary>
    private GuestMemoryRefusal? Vet(bool isPhysical)
    {
        Residency residency = slice.Buffer.Residency;
        if (residency == Residency.Pinned || options.AcceptMemoryCorruptionIfPagesMove)
        {
            return null;
        }

        string? why = (options.KeptBy, isPhysical, direction.HasFlag(Direction.FromVmm), residency) switch
        {
            ({ } holder, _, _, _) => $"'{holder}' keeps the address after the call",
            (_, true, true, _) => "the VMM writes to it by physical address",
            (_, true, false, Residency.Touched) => "it goes by physical address, and a page that is not even locked may be swapped out",
            _ => null,
        };
        return why is null ? null : GuestMemoryRefusal.ForResidency(
            residency, why, $"{nameof(TransferOptions)}.{nameof(TransferOptions.AcceptMemoryCorruptionIfPagesMove)}");
    }

    private GuestMemoryRefusal? GetPages(Passing plan) =>
        Get(plan.ListFormat, ref _list) ?? Get(layout.Descriptor, ref _structure);

    private GuestMemoryRefusal? Get(DescriptorFormat? format, ref DescriptorPage? page)
    {
        if (format is null)
        {
            return null;
        }

        _ = pages.TryTake(memory, format.IsByVirtualAddress, out page, out GuestMemoryRefusal? refusal);
        return refusal;
    }

    private bool TryTranslate(
        GuestVirtualAddress address, long length, [NotNullWhen(true)] out PagedRange? range, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        TryTranslate(memory, slice, address, length, out range, out refusal);

    /// <summary>Hands over one piece, the next of the slice.</summary>
    /// <returns>Null when all of it is done; otherwise how the transfer ended.</returns>
    private TransferResult? Call(Passing plan, GuestVirtualAddress start, long length, PagedRange? frames, PagedRange? mustStay)
    {
        if (cancellation.IsCancellationRequested)
        {
            return End(TransferOutcome.Canceled);
        }

        if (Lease() is { } unheld)
        {
            return Refused(unheld);
        }

        HypercallRegisters sent = Place(plan, start, length, frames);
        _registers = sent;
        _calls++;
        HypercallStatus status = channel.TryInvoke(ref _registers);
        ReturnLeaseOfRefused(in status, told: _calls > 1);
        if (status.IsCompleted && mustStay is not null && !IsStillIn(mustStay, start))
        {
            return End(TransferOutcome.Moved);
        }

        Judgement judged = Judge(function.Convention, in status, in sent, in _registers, length, rule);
        if (judged.BytesDone != 0)
        {
            _done += judged.BytesDone;
            options.Progress?.Report(_done);
        }

        return judged.Outcome == TransferOutcome.Completed ? null : End(in judged, in status);
    }

    /// <summary>
    /// Whether nobody has a say between two pieces: no judge, no one who cancels or counts, no page that each needs for itself.
    /// </summary>
    private bool MayGoTogether(Passing plan) =>
        rule == TransferRule.CompletedMeansAll && function.Convention.JudgesNothing && plan.ListFormat is null && layout.Descriptor is null
        && !cancellation.CanBeCanceled && options.Progress is null;

    /// <summary>Hands over all pieces, many with one transition: nobody has to judge one before the next goes.</summary>
    private TransferResult CallTogether(Passing plan, PagedRange all)
    {
        long pieces = (slice.Length / LengthOf(plan, slice.Address, slice.Length)) + 2;
        Span<HypercallRegisters> frames = new HypercallRegisters[Math.Min(pieces, PiecesTogether)];
        Span<long> lengths = stackalloc long[PiecesTogether];
        for (long done = 0; done < slice.Length;)
        {
            int count = 0;
            for (; count < frames.Length && done < slice.Length; done += lengths[count++])
            {
                GuestVirtualAddress address = slice.Address + done;
                lengths[count] = LengthOf(plan, address, slice.Length - done);
                PagedRange piece = all.Slice(done, lengths[count]);
                if (plan.IsContiguous && !piece.IsContiguous)
                {
                    return Refused(GuestMemoryRefusal.ForScattered(piece));
                }

                frames[count] = Place(plan, address, lengths[count], piece);
            }

            if (Lease() is { } unheld)
            {
                return Refused(unheld);
            }

            HypercallStatus status = channel.TryInvokeAll(frames[..count], out int completed);
            ReturnLeaseOfRefused(in status, told: _calls + completed > 0);
            _calls += status.IsCompleted ? completed : completed + 1;
            _registers = frames[status.IsCompleted ? completed - 1 : completed];
            foreach (long length in lengths[..completed])
            {
                _done += length;
            }

            if (!status.IsCompleted)
            {
                HypercallRegisters sent = _registers;
                return End(Judge(function.Convention, in status, in sent, in _registers, lengths[completed], rule), in status);
            }
        }

        return End(TransferOutcome.Completed);
    }

    // Of a call that the channel itself refused no VMM heard: nobody keeps an address that nobody was told.
    private void ReturnLeaseOfRefused(in HypercallStatus status, bool told)
    {
        if (status.IsRefused && !told)
        {
            _lease?.Dispose();
            _lease = null;
        }
    }

    // Before the VMM hears of the address.
    private GuestMemoryRefusal? Lease()
    {
        try
        {
            _lease ??= options.KeptBy is { } holder
                ? slice.Buffer.Lease(holder, options.AcceptMemoryCorruptionIfPagesMove)
                : null;
            return null;
        }
        catch (GuestMemoryException e)
        {
            return e.Refusal;
        }
    }

    /// <summary>The frame that hands over a piece.</summary>
    private HypercallRegisters Place(Passing plan, GuestVirtualAddress start, long length, PagedRange? frames)
    {
        TransferPiece piece = new(frames?.Start.Value ?? start.Value, length, frames);
        if (plan.ListFormat is { } list)
        {
            piece = Describe(list, _list!, in piece);
        }

        if (layout.Descriptor is { } structure)
        {
            piece = Describe(structure, _structure!, in piece);
        }

        bool isDescriptor = plan.ListFormat is not null || layout.Descriptor is not null;
        layout.Place(piece.Address, piece.Length, isDescriptor, direction, options.Words, _arguments);
        return function.Convention.CreateFrame(function.Number, _arguments);
    }

    private static TransferPiece Describe(DescriptorFormat format, DescriptorPage page, in TransferPiece piece)
    {
        // The span is taken anew each time: with that the fake machine counts a write, and a page that goes by virtual address is
        // touched by it.
        int size = format.Write(in piece, page.Buffer.Span);
        return new TransferPiece(page.Address, size, null);
    }

    private bool IsStillIn(PagedRange range, GuestVirtualAddress start) =>
        memory.TryQueryPages(start, range.Length, out GuestPageMap? map, out _)
        && map.TryGetPagedRange(out PagedRange? now, out _)
        && now.Frames.Span.SequenceEqual(range.Frames.Span);

    private TransferResult Refused(GuestMemoryRefusal refusal) => End(TransferOutcome.Refused, refusal: refusal);

    private TransferResult End(in Judgement judged, in HypercallStatus status) => End(judged.Outcome, in status, judged.Failure);

    private TransferResult End(
        TransferOutcome outcome, in HypercallStatus status = default, string? failure = null, GuestMemoryRefusal? refusal = null) =>
        new(outcome, slice.Length)
        {
            Passing = _plan,
            IsAuto = _isAuto,
            BytesDone = _done,
            Calls = _calls,
            Registers = _registers,
            Fault = status.Fault,
            ChannelRefusal = status.Refusal,
            Refusal = refusal,
            Failure = failure,
            Lease = _lease,
        };

    /// <summary>What one call came to.</summary>
    private readonly record struct Judgement(TransferOutcome Outcome, long BytesDone, string? Failure);
}
