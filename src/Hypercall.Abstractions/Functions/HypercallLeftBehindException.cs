namespace Hypercall;

/// <summary>A call was refused before it was made: earlier ones that timed out or were cancelled are still in the VMM.</summary>
public sealed class HypercallLeftBehindException : HypercallException
{
    internal HypercallLeftBehindException(HypercallFunction function, int leftBehind, int most)
        : base($"{function} was not called: {leftBehind} earlier {(leftBehind == 1 ? "call" : "calls")} on this machine did not "
            + $"come back from the VMM, and {most} may be left behind. Wait until they come back, or allow more with "
            + $"{nameof(HypercallTimeoutOptions)}.{nameof(HypercallTimeoutOptions.MaxLeftBehind)}; each takes a thread.")
    {
        Function = function;
        LeftBehind = leftBehind;
    }

    /// <summary>The function that was not called.</summary>
    public HypercallFunction Function { get; }

    /// <summary>How many calls are left behind in the VMM under this machine.</summary>
    public int LeftBehind { get; }

    /// <summary>True: those calls may come back.</summary>
    public override bool IsTransient => true;
}
