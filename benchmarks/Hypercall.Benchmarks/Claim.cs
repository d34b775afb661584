namespace Hypercall.Benchmarks;

/// <summary>What a benchmark must show, of one measurement or of one against another from the same run.</summary>
/// <param name="What">For people.</param>
/// <param name="Ours">The key of the measurement: see <see cref="Measurement.Key"/>.</param>
/// <param name="Peer">The key of what it is compared with; null when the limit is absolute.</param>
/// <param name="Kind">How to compare.</param>
/// <param name="Limit">How many times, nanoseconds or bytes.</param>
/// <param name="PeerScale">What the peer's time is multiplied by, when it did only a part of the work.</param>
internal sealed record Claim(string What, string Ours, string? Peer, ClaimKind Kind, double Limit, double PeerScale = 1)
{
    /// <summary>All claims.</summary>
    public static IReadOnlyList<Claim> All { get; } =
    [
        new(
            "A call against a C function that loads and stores the same registers",
            Key<CallBenchmarks>(nameof(CallBenchmarks.Stub)), Key<CallBenchmarks>(nameof(CallBenchmarks.ExchangeInC)),
            ClaimKind.AtMostTimes, 2.0),
        new(
            "A call against C's signal() and sigsetjmp() around each call",
            Key<CallBenchmarks>(nameof(CallBenchmarks.Stub)), Key<CallBenchmarks>(nameof(CallBenchmarks.GuardedExchangeInC)),
            ClaimKind.TimesFaster, 100),
        new(
            "Managed memory that a call allocates",
            Key<CallBenchmarks>(nameof(CallBenchmarks.Stub)), null,
            ClaimKind.AtMostBytes, 0),
        new(
            "A named call on the fake VMM",
            Key<CallBenchmarks>(nameof(CallBenchmarks.NamedCallOnTheFake)), null,
            ClaimKind.AtMostNanoseconds, 200),
        new(
            "Translating 1 GiB against C with one pread",
            Key<TranslationBenchmarks>(nameof(TranslationBenchmarks.Translate), TranslationBenchmarks.Most),
            Key<TranslationBenchmarks>(nameof(TranslationBenchmarks.TranslateInC), TranslationBenchmarks.Most),
            ClaimKind.AtMostTimes, 1.3),
        new(
            "Translating 1 GiB against fopen, fseek, fread, fclose for each page",
            Key<TranslationBenchmarks>(nameof(TranslationBenchmarks.Translate), TranslationBenchmarks.Most),
            Key<TranslationBenchmarks>(nameof(TranslationBenchmarks.TranslateOnePageByTheTextbook)),
            ClaimKind.TimesFaster, 50, PeerScale: TranslationBenchmarks.Most),
        new(
            "Allocating and pinning 2 MiB against mmap and mlock in C",
            Key<PinBenchmarks>(nameof(PinBenchmarks.AllocatePinned)), Key<PinBenchmarks>(nameof(PinBenchmarks.MapAndLockInC)),
            ClaimKind.AtMostTimes, 1.5),
    ];

    private static string Key<T>(string method, int? argument = null) => Measurement.KeyOf(typeof(T), method, argument);
}
