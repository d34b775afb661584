namespace Hypercall;

/// <summary>What a call by convention gave.</summary>
/// <param name="Convention">The convention it was made by.</param>
/// <param name="Registers">The 15 registers after the call.</param>
public readonly record struct ConventionResult(HypercallConvention Convention, HypercallRegisters Registers)
{
    /// <summary>The value of the convention's result.</summary>
    public ulong Value => Convention.Result.Read(Registers);

    /// <summary>Whether the registers before and after prove that a VMM of another convention answered. False proves nothing.</summary>
    public bool IsForeign { get; internal init; }

    /// <summary>Whether that value means failure, by the convention's rule.</summary>
    public bool IsFailure => Convention.Failure.IsFailure(Value);

    /// <summary>The failure in words; null when the call did not fail.</summary>
    public string? FailureMeaning => IsFailure ? Convention.Failure.Describe(Value) : null;
}
