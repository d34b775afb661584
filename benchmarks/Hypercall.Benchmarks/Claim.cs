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
    /// <summary>Whether docs/numbers.md says that it does not hold, and why.</summary>
    public bool IsKnownToMiss { get; init; }

    /// <summary>All claims.</summary>
    public static IReadOnlyList<Claim> All { get; } =
    [
        new(
            "A call against a C function that loads and stores the same registers",
            Key<CallBenchmarks>(nameof(CallBenchmarks.Stub)), Key<CallBenchmarks>(nameof(CallBenchmarks.ExchangeInC)),
            ClaimKind.AtMostTimes, 2.0) { IsKnownToMiss = true },
        new(
            "A call against C's signal() and sigsetjmp() around each call",
            Key<CallBenchmarks>(nameof(CallBenchmarks.Stub)), Key<CallBenchmarks>(nameof(CallBenchmarks.GuardedExchangeInC)),
            ClaimKind.TimesFaster, 100) { IsKnownToMiss = true },
        new(
            "A named call against the same C function",
            Key<CallBenchmarks>(nameof(CallBenchmarks.NamedCall)), Key<CallBenchmarks>(nameof(CallBenchmarks.ExchangeInC)),
            ClaimKind.AtMostTimes, 2.5) { IsKnownToMiss = true },
        new(
            "64 frames at once against C's loop over the same frames",
            Key<CallBenchmarks>(nameof(CallBenchmarks.ManyFrames)), Key<CallBenchmarks>(nameof(CallBenchmarks.ManyFramesInC)),
            ClaimKind.AtMostTimes, 1.05),
        new(
            "Managed memory that a named call allocates",
            Key<CallBenchmarks>(nameof(CallBenchmarks.NamedCall)), null,
            ClaimKind.AtMostBytes, 0),
        new(
            "A named call on the fake VMM",
            Key<CallBenchmarks>(nameof(CallBenchmarks.NamedCallOnTheFake)), null,
            ClaimKind.AtMostNanoseconds, 200),
        new(
            "Translating 1 GiB against C with one pread",
            Key<TranslationBenchmarks>(nameof(TranslationBenchmarks.Translate), TranslationBenchmarks.Most),
            Key<TranslationBenchmarks>(nameof(TranslationBenchmarks.TranslateInC), TranslationBenchmarks.Most),
            ClaimKind.AtMostTimes, 1.15),
        new(
            "Translating 1 GiB against fopen, fseek, fread, fclose for each page",
            Key<TranslationBenchmarks>(nameof(TranslationBenchmarks.Translate), TranslationBenchmarks.Most),
            Key<TranslationBenchmarks>(nameof(TranslationBenchmarks.TranslateOnePageByTheTextbook)),
            ClaimKind.TimesFaster, 50, PeerScale: TranslationBenchmarks.Most),
        new(
            "Allocating and pinning 2 MiB against mmap and mlock in C",
            Key<PinBenchmarks>(nameof(PinBenchmarks.AllocatePinned)), Key<PinBenchmarks>(nameof(PinBenchmarks.MapAndLockInC)),
            ClaimKind.AtMostTimes, 1.5),
        new(
            "A default case of a property test",
            Key<FakeMachineBenchmarks>(nameof(FakeMachineBenchmarks.DefaultCase)), null,
            ClaimKind.AtMostNanoseconds, 200_000),
        new(
            "16 MiB out of scattered frames of the fake, page by page through a walk, against Buffer.MemoryCopy",
            Key<FakeMachineBenchmarks>(nameof(FakeMachineBenchmarks.CopyFromGuest)), Key<FakeMachineBenchmarks>(nameof(FakeMachineBenchmarks.MemoryCopy)),
            ClaimKind.AtMostTimes, 2.0),
        new(
            "The same against reading them byte by byte, a walk for each",
            Key<FakeMachineBenchmarks>(nameof(FakeMachineBenchmarks.CopyFromGuest)), Key<FakeMachineBenchmarks>(nameof(FakeMachineBenchmarks.ReadLinearBytes)),
            ClaimKind.TimesFaster, 20, PeerScale: FakeMachineBenchmarks.CopyPages * (double)GuestPage.Size / FakeMachineBenchmarks.LinearBytes),
        new(
            "Managed memory of an idle fake machine",
            Key<FakeMachineBenchmarks>(nameof(FakeMachineBenchmarks.IdleMachine)), null,
            ClaimKind.AtMostBytes, 1 << 20),
        new(
            "1 GiB on the fake, allocated and walked to, against 64 times 16 MiB",
            Key<FakeMachineBenchmarks>(nameof(FakeMachineBenchmarks.WalkAll), 262_144), Key<FakeMachineBenchmarks>(nameof(FakeMachineBenchmarks.WalkAll), 4096),
            ClaimKind.AtMostTimes, 2.0, PeerScale: 64),
        new(
            "A call with a real VM exit, refused by this host's KVM, against the same in C",
            Measurement.VmExitKey("Call"), Measurement.VmExitKey("CallInC"),
            ClaimKind.AtMostTimes, 1.08),
        new(
            "The same with the upper halves of vector registers in use, in both",
            Measurement.VmExitKey("CallDirty"), Measurement.VmExitKey("CallDirtyInC"),
            ClaimKind.AtMostTimes, 1.08),
        new(
            "A named call with its VM exit, in a guest on an emulated AMD CPU, against the same loop in C there",
            Measurement.GuestKey("C#"), Measurement.GuestKey("C"),
            ClaimKind.AtMostTimes, 1.1) { IsKnownToMiss = true },
        new(
            "64 frames at once, each with its VM exit, in that guest, against C's loop there",
            Measurement.GuestKey("C# many"), Measurement.GuestKey("C"),
            ClaimKind.AtMostTimes, 1.1),
    ];

    private static string Key<T>(string method, int? argument = null) => Measurement.KeyOf(typeof(T), method, argument);
}
