namespace Hypercall.Testing.Tests;

/// <summary>
/// What is given up where a machine cannot do all that is asked: on the fake the same as on the real one, whatever the limits
/// are.
/// </summary>
public sealed class FallbackParityTests
{
    private static readonly bool[] Both = [false, true];

    public static TheoryData<Residency, Contiguity, int, bool> Requests
    {
        get
        {
            TheoryData<Residency, Contiguity, int, bool> requests = [];
            foreach (Residency residency in Enum.GetValues<Residency>())
            {
                foreach (Contiguity contiguity in Enum.GetValues<Contiguity>())
                {
                    foreach (int pages in (int[])[1, 3])
                    {
                        requests.Add(residency, contiguity, pages, true);
                        requests.Add(residency, contiguity, pages, false);
                    }
                }
            }

            return requests;
        }
    }

    [Theory]
    [MemberData(nameof(Requests))]
    public void The_fake_gives_up_what_the_real_memory_gives_up(Residency residency, Contiguity contiguity, int pages, bool allowFallback)
    {
        GuestBufferOptions options = new() { Residency = residency, Contiguity = contiguity, AllowFallback = allowFallback };
        foreach (Limits limits in AllLimits())
        {
            foreach (bool isWindow in Both)
            {
                FakeGuestMemory memory = new()
                {
                    CanPin = limits.CanPin,
                    CanAllocateContiguous = limits.HasRuns,
                    HideFrames = limits.HidesFrames,
                    LockLimit = limits.LockLimit,
                };
                long length = (long)pages << GuestPage.Shift;
                bool done = TryGet(memory, length, options, isWindow, out GuestBuffer? buffer, out GuestMemoryRefusal? refusal);

                // A window is opened onto memory that lies scattered: more than one page of it is never contiguous.
                string expected = Real(options, limits with { HasRuns = limits.HasRuns && !isWindow }, pages);
                string found = done ? $"{buffer!.Residency} {buffer.Contiguity}" : "refused";
                Assert.True(found == expected, $"{(isWindow ? "window" : "buffer")}, {limits}: {found}, and the real memory gives {expected} ({refusal?.Reason})");
                Assert.True(done || allowFallback || IsTrue(refusal!.Reason, limits, isWindow), $"{limits}: {refusal?.Reason}");
            }
        }
    }

    // LinuxGuestMemory asks for buffers and for windows in other orders: so none must matter.
    [Theory]
    [MemberData(nameof(Requests))]
    public void In_which_order_a_machine_refuses_makes_no_difference(
        Residency residency, Contiguity contiguity, int pages, bool allowFallback)
    {
        GuestBufferOptions options = new() { Residency = residency, Contiguity = contiguity, AllowFallback = allowFallback };
        foreach (Limits limits in AllLimits())
        {
            Assert.Single(Orders([0, 1, 2, 3]).Select(order => Real(options, limits, pages, order)).Distinct());
        }
    }

    [Fact]
    public void A_limit_that_fell_below_what_is_locked_refuses_no_memory_that_is_only_touched()
    {
        FakeGuestMemory memory = new();
        using GuestBuffer locked = memory.Allocate(1, Residency.Locked);
        memory.LockLimit = 0;

        using GuestBuffer touched = memory.Allocate(1, Residency.Touched);
        Assert.Equal(Residency.Touched, touched.Residency);
    }

    private static bool TryGet(
        FakeGuestMemory memory, long length, GuestBufferOptions options, bool isWindow, out GuestBuffer? buffer, out GuestMemoryRefusal? refusal)
    {
        if (!isWindow)
        {
            return memory.TryAllocate(length, options, out buffer, out refusal);
        }

        Assert.True(memory.TryAllocate(length, new GuestBufferOptions { Residency = Residency.Touched }, out GuestBuffer? scattered, out _));
        return memory.TryOpenWindow(scattered.Address, length, options, out buffer, out refusal);
    }

    /// <summary>What the real memory gives, which has the same policy: <see cref="FallbackPolicy"/>.</summary>
    /// <param name="options">What is asked.</param>
    /// <param name="limits">What the machine cannot.</param>
    /// <param name="pages">How many pages.</param>
    /// <param name="order">In which order it refuses.</param>
    private static string Real(GuestBufferOptions options, Limits limits, int pages, params int[] order)
    {
        string got = "refused";
        order = order.Length == 0 ? [0, 1, 2, 3] : order;
        _ = FallbackPolicy.TryGet(
            options,
            (Residency residency, Contiguity contiguity, out GuestMemoryRefusal? why) =>
            {
                bool mustProve = contiguity == Contiguity.Contiguous && pages > 1;
                GuestMemoryRefusalReason?[] refusals =
                [
                    mustProve && limits.HidesFrames ? GuestMemoryRefusalReason.FramesHidden : null,
                    mustProve && !limits.HasRuns ? GuestMemoryRefusalReason.NotContiguous : null,
                    residency != Residency.Touched && limits.LockLimit == 0 ? GuestMemoryRefusalReason.LockLimit : null,
                    residency == Residency.Pinned && !limits.CanPin ? GuestMemoryRefusalReason.PinningUnavailable : null,
                ];
                GuestMemoryRefusalReason? reason = order.Select(at => refusals[at]).FirstOrDefault(one => one is not null);
                why = reason is { } because ? new GuestMemoryRefusal(because, "no") : null;
                got = why is null ? $"{residency} {contiguity}" : got;
                return why is null ? new FakeGuestMemory().Allocate(1, Residency.Touched) : null;
            },
            told: null,
            out _,
            out _);
        return got;
    }

    private static bool IsTrue(GuestMemoryRefusalReason reason, Limits limits, bool isWindow) => reason switch
    {
        GuestMemoryRefusalReason.FramesHidden => limits.HidesFrames,
        GuestMemoryRefusalReason.NotContiguous => !limits.HasRuns || isWindow,
        GuestMemoryRefusalReason.LockLimit => limits.LockLimit == 0,
        GuestMemoryRefusalReason.PinningUnavailable => !limits.CanPin,
        _ => false,
    };

    private static IEnumerable<int[]> Orders(int[] items) => items.Length <= 1
        ? [items]
        : items.SelectMany(first => Orders([.. items.Where(item => item != first)]).Select(rest => (int[])[first, .. rest]));

    private static IEnumerable<Limits> AllLimits() =>
        from canPin in Both
        from hasRuns in Both
        from hidesFrames in Both
        from lockLimit in (long[])[0, long.MaxValue]
        select new Limits(canPin, hasRuns, hidesFrames, lockLimit);

    private sealed record Limits(bool CanPin, bool HasRuns, bool HidesFrames, long LockLimit);
}
