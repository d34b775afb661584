namespace Hypercall.Native;

/// <summary>One limit, as it was read.</summary>
/// <param name="Kind">What it counts.</param>
/// <param name="What">Its name, and where it is set, for a message.</param>
/// <param name="Value">Its value in bytes.</param>
/// <param name="Left">What is left of it in bytes, less than 0 where it is passed already.</param>
internal sealed record MemoryLimit(MemoryLimitKind Kind, string What, long Value, long Left)
{
    /// <summary>What can be had on top by memory that may be swapped out.</summary>
    public long Swap { get; init; }

    /// <summary>What is kept back at most: the program needs some for itself, if only to be told of the refusal.</summary>
    public long Reserve { get; init; }

    /// <summary>What would happen, and what to do about it.</summary>
    public required string Remedy { get; init; }

    /// <summary>What may be handed out.</summary>
    /// <param name="maySwap">Whether to memory that may be swapped out.</param>
    /// <param name="ours">What buffers have and are to have: who hands out little keeps little back, for then it is not buffers
    /// that exhaust the limit.</param>
    public long Free(bool maySwap, long ours) => Left - Math.Min(Reserve, ours) + (maySwap ? Swap : 0);
}
