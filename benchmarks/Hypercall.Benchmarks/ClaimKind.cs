namespace Hypercall.Benchmarks;

/// <summary>How a claim compares.</summary>
internal enum ClaimKind
{
    /// <summary>Ours takes at most so many times as long as the peer.</summary>
    AtMostTimes,

    /// <summary>The peer takes at least so many times as long as ours.</summary>
    TimesFaster,

    /// <summary>Ours takes at most so many nanoseconds.</summary>
    AtMostNanoseconds,

    /// <summary>Ours allocates no more managed bytes than the limit.</summary>
    AtMostBytes,
}
