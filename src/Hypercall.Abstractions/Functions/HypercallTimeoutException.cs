namespace Hypercall;

/// <summary>A call did not come back in time. It still runs: nothing can end a call but the VMM.</summary>
/// <remarks>
/// Left behind are: a thread, which stays in the VMM; the leases on <see cref="HypercallTimeoutOptions.Buffers"/>, which hold
/// until the call comes back; and whatever the function still does.
/// Its result will be dropped.
/// </remarks>
public sealed class HypercallTimeoutException : HypercallException
{
    internal HypercallTimeoutException(HypercallFunction function, TimeSpan timeout, int leftBehind, int buffers, Task cameBack)
        : base(Describe(function, timeout, leftBehind, buffers))
    {
        Function = function;
        Timeout = timeout;
        LeftBehind = leftBehind;
        CameBack = cameBack;
    }

    /// <summary>The function.</summary>
    public HypercallFunction Function { get; }

    /// <summary>How long it had.</summary>
    public TimeSpan Timeout { get; }

    /// <summary>How many calls are left behind in the VMM under this machine, with this one.</summary>
    public int LeftBehind { get; }

    /// <summary>Completes when the call has come back, and its leases have ended. It may never.</summary>
    public Task CameBack { get; }

    /// <summary>
    /// True: the VMM may be quicker next time. The call that timed out may still take effect, and until it comes back further
    /// ones may be refused.
    /// </summary>
    public override bool IsTransient => true;

    internal static string Remains(int leftBehind, int buffers) =>
        "Its thread stays in the VMM until the VMM lets it go, and its result will be dropped then"
        + (buffers == 0
            ? ""
            : $"; until then {(buffers == 1 ? "its buffer" : $"its {buffers} buffers")} cannot be disposed, "
                + "and must not be written to")
        + $". Calls left behind on this machine: {leftBehind}.";

    private static string Describe(HypercallFunction function, TimeSpan timeout, int leftBehind, int buffers) =>
        FormattableString.Invariant($"The call of {function} did not come back in {timeout.TotalSeconds} s. ")
        + Remains(leftBehind, buffers);
}
