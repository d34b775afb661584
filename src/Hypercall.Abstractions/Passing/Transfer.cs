using System.Diagnostics.CodeAnalysis;

namespace Hypercall;

/// <summary>One transfer under way: what every technique needs, and the one place that makes its calls.</summary>
internal sealed class Transfer(
    IHypercallChannel channel,
    IGuestMemory memory,
    ulong number,
    GuestSlice slice,
    Direction direction,
    TransferOptions options,
    CancellationToken cancellation) : IDisposable
{
    private const int TranslationAttempts = 3;

    private static readonly GuestBufferOptions ListMemory = new() { Residency = Residency.Pinned };

    private HypercallRegisters _registers;
    private GuestBufferLease? _lease;
    private GuestBuffer? _list;
    private long _done;
    private long _calls;

    public GuestSlice Slice => slice;

    /// <summary>The bytes of the page for frame lists, after <see cref="GetListPage"/>.</summary>
    public Span<byte> ListPage => _list!.Span;

    /// <summary>Where the VMM finds that page.</summary>
    public GuestPhysicalAddress ListAddress { get; private set; }

    /// <summary>Whether the memory may go to the VMM by an address that must stay true.</summary>
    /// <param name="physical">Whether the technique gives away physical addresses.</param>
    /// <returns>Why not; null when it may.</returns>
    public GuestMemoryRefusal? Vet(bool physical)
    {
        Residency residency = slice.Buffer.Residency;
        if (residency == Residency.Pinned || options.AcceptMemoryCorruptionIfPagesMove)
        {
            return null;
        }

        string? why = (options.KeptBy, physical, direction.HasFlag(Direction.FromVmm), residency) switch
        {
            ({ } holder, _, _, _) => $"'{holder}' keeps the address after the call",
            (_, true, true, _) => "the VMM writes to it by physical address",
            (_, true, false, Residency.Touched) => "it goes by physical address, and a page that is not even locked may be swapped out",
            _ => null,
        };
        return why is null ? null : GuestMemoryRefusal.ForResidency(
            residency, why, $"{nameof(TransferOptions)}.{nameof(TransferOptions.AcceptMemoryCorruptionIfPagesMove)}");
    }

    /// <summary>Writes to each page of the slice, so that it is present.</summary>
    /// <returns>Why it cannot be; null when it is.</returns>
    public GuestMemoryRefusal? Touch() => Touch(slice);

    /// <summary>Finds the frames of a part of the slice at this moment.</summary>
    /// <param name="address">Where it starts.</param>
    /// <param name="length">Its length.</param>
    /// <param name="range">The frames.</param>
    /// <param name="refusal">Why they are not to be had.</param>
    public bool TryTranslate(
        GuestVirtualAddress address, long length, [NotNullWhen(true)] out PagedRange? range, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        TryTranslate(slice, address, length, out range, out refusal);

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

    private bool TryTranslate(
        GuestSlice part,
        GuestVirtualAddress address,
        long length,
        [NotNullWhen(true)] out PagedRange? range,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        for (int attempt = 1; ; attempt++)
        {
            range = null;
            if (!memory.TryQueryPages(address, length, out GuestPageMap? pages, out refusal))
            {
                return false;
            }

            if (pages.TryGetPagedRange(out range, out refusal))
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

    /// <summary>Gets the page for frame lists, pinned like everything that the VMM finds by physical address, and finds its frame, once for all calls.</summary>
    /// <returns>Why there is none; null when there is.</returns>
    public GuestMemoryRefusal? GetListPage()
    {
        if (!memory.TryAllocate(GuestPage.Size, ListMemory, out _list, out GuestMemoryRefusal? refusal)
            || !TryTranslate(_list, _list.Address, _list.Length, out PagedRange? range, out refusal))
        {
            return refusal;
        }

        ListAddress = range.Start;
        return null;
    }

    /// <summary>Hands over one range, the next of the slice.</summary>
    /// <param name="rbx">Its address, or that of its list.</param>
    /// <param name="rcx">Its length, or that of its list.</param>
    /// <param name="length">How many bytes of the slice it stands for.</param>
    /// <param name="mustStay">The frames in which the range must still be after the call; null when nothing can have moved it.</param>
    /// <returns>Null when all of them are done; otherwise how the transfer ended.</returns>
    public TransferResult? Call(ulong rbx, ulong rcx, long length, PagedRange? mustStay = null)
    {
        if (cancellation.IsCancellationRequested)
        {
            return End(TransferOutcome.Canceled);
        }

        if (options.KeptBy is { } holder)
        {
            _lease ??= slice.Buffer.Lease(holder, options.AcceptMemoryCorruptionIfPagesMove); // before the VMM hears of the address
        }

        GuestVirtualAddress start = slice.Address + _done;
        _registers = new HypercallRegisters { Rax = number, Rbx = rbx, Rcx = rcx, Rdx = options.Rdx, Rsi = options.Rsi, Rdi = options.Rdi };
        _calls++;
        HypercallStatus status = channel.TryInvoke(ref _registers);
        if (status.IsCompleted && mustStay is not null && !IsStillIn(mustStay, start))
        {
            return End(TransferOutcome.Moved);
        }

        Judgement judged = Judge(in status, in _registers, length, options.Rule);
        if (judged.BytesDone != 0)
        {
            _done += judged.BytesDone;
            options.Progress?.Report(_done);
        }

        return judged.Outcome == TransferOutcome.Completed
            ? null
            : End(judged.Outcome) with { Fault = status.Fault, Failure = judged.Failure };
    }

    /// <summary>A transfer of one call, of registers only.</summary>
    /// <param name="status">How the instruction ended.</param>
    /// <param name="registers">The registers after it.</param>
    /// <param name="length">How many bytes it was given.</param>
    /// <param name="rule">What the registers mean; null: a call that completed has done all.</param>
    public static TransferResult OfRegisters(in HypercallStatus status, in HypercallRegisters registers, long length, TransferRule? rule)
    {
        Judgement judged = Judge(in status, in registers, length, rule);
        return new TransferResult(judged.Outcome, length)
        {
            BytesDone = judged.BytesDone, Calls = 1, Registers = registers, Fault = status.Fault, Failure = judged.Failure,
        };
    }

    private static Judgement Judge(in HypercallStatus status, in HypercallRegisters registers, long length, TransferRule? rule)
    {
        if (!status.IsCompleted)
        {
            return new Judgement(TransferOutcome.Faulted, 0, null);
        }

        TransferAnswer answer = rule?.Invoke(in registers, length) ?? TransferAnswer.Done(length);
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

    public TransferResult Completed() => End(TransferOutcome.Completed);

    public TransferResult Refused(GuestMemoryRefusal refusal) => End(TransferOutcome.Refused) with { Refusal = refusal };

    public void Dispose() => _list?.Dispose();

    private bool IsStillIn(PagedRange range, GuestVirtualAddress start) =>
        memory.TryQueryPages(start, range.Length, out GuestPageMap? pages, out _)
        && pages.TryGetPagedRange(out PagedRange? now, out _)
        && now.Frames.Span.SequenceEqual(range.Frames.Span);

    private TransferResult End(TransferOutcome outcome) =>
        new(outcome, slice.Length) { BytesDone = _done, Calls = _calls, Registers = _registers, Lease = _lease };

    /// <summary>What one call came to.</summary>
    private readonly record struct Judgement(TransferOutcome Outcome, long BytesDone, string? Failure);
}
