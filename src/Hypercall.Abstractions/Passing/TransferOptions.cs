namespace Hypercall;

/// <summary>What a transfer may need beyond memory, technique, direction and rule.</summary>
public sealed class TransferOptions
{
    internal static TransferOptions None { get; } = new();

    /// <summary>
    /// The function's own arguments: they fill those that its <see cref="TransferLayout"/> leaves, in order. The default is none:
    /// those are 0.
    /// </summary>
    public IReadOnlyList<ulong> Words { get; init => field = value ?? throw new ArgumentNullException(nameof(value)); } = [];

    /// <summary>
    /// The most bytes that one call is given, 1 and more; null, the default, for as many as the technique allows. A VMM that
    /// reads byte by byte needs minutes for some MiB, and nothing can cancel a call: smaller ones can be cancelled in between.
    /// </summary>
    public long? BytesPerCall { get; init; }

    /// <summary>
    /// Who keeps the address after the calls, such as <c>"log ring"</c>; null, the default, when the VMM forgets it. Such memory
    /// must be pinned, and stays leased until <see cref="TransferResult.Lease"/> is disposed. Only the data is kept: the page of
    /// a descriptor holds another one after the next transfer, so a function that keeps memory handed over by list must copy the
    /// frame numbers.
    /// </summary>
    public string? KeptBy { get; init; }

    /// <summary>
    /// Accepts that the VMM reads or overwrites pages that belong to somebody else, when pages of memory that is not pinned move
    /// while it uses their physical address. The transfer checks afterwards and reports a move, but by then the harm is done. The
    /// default is false.
    /// </summary>
    public bool AcceptMemoryCorruptionIfPagesMove { get; init; }

    /// <summary>Is told the bytes done, in total, after each call; null for nobody.</summary>
    public IProgress<long>? Progress { get; init; }

    internal void ThrowIfInvalid()
    {
        if (KeptBy is { } holder && string.IsNullOrWhiteSpace(holder))
        {
            throw new ArgumentException("TransferOptions.KeptBy names who keeps the memory; it is blank. Leave it null when nobody does.", "options");
        }

        if (BytesPerCall < 1)
        {
            throw new ArgumentException($"TransferOptions.BytesPerCall is {BytesPerCall}; it is 1 or more, or null.", "options");
        }
    }

    /// <summary>Holds what is to be handed over against the function's layout.</summary>
    internal static void ThrowIfUnfit(
        TransferLayout layout,
        HypercallConvention convention,
        Passing passing,
        TransferOptions options,
        GuestSlice slice)
    {
        if (layout.Descriptor is { } descriptor && !passing.Suits(descriptor))
        {
            throw new ArgumentException(
                $"The layout's descriptor, {descriptor}, lists frames, and {passing} has none for it: choose Contiguous or PageByPage.",
                nameof(passing));
        }

        int left = layout.CountOwn(convention);
        if (options.Words.Count > left)
        {
            throw new ArgumentException(
                $"The layout leaves {left} arguments of the convention '{convention}' to the function itself; "
                + $"{options.Words.Count} words were given.",
                nameof(options));
        }

        if ((slice.Address.Value | (ulong)slice.Length | (ulong)(options.BytesPerCall ?? 0)) % (ulong)layout.Unit != 0)
        {
            throw new ArgumentException(
                $"The layout counts in units of {layout.Unit} bytes: memory starts at a whole one, and its length, and that of each "
                + "call, is a whole number of them.",
                nameof(slice));
        }
    }
}
