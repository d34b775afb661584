namespace Hypercall.Native;

/// <summary>What an errno of a call means: a row of <see cref="ErrnoTable"/>.</summary>
/// <param name="Reason">The reason of the refusal, unless what <paramref name="Ask"/> asks for says more. Whether a fallback may
/// still work follows from it (<see cref="MemoryFallback"/>).</param>
/// <param name="Text">What is known of the cause, and the remedy: whole sentences.</param>
/// <param name="NextWay">Whether another way to the same memory may still work: ramfs after io_uring, transparent huge pages
/// after the pool.</param>
/// <param name="Ask">What to look at, because the errno alone does not tell.</param>
internal readonly record struct ErrnoMeaning(GuestMemoryRefusalReason Reason, string Text, bool NextWay = false, Fact Ask = Fact.None);
