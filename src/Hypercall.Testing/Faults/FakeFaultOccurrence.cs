namespace Hypercall.Testing;

/// <summary>A planned fault whose injection point came.</summary>
public sealed class FakeFaultOccurrence
{
    internal FakeFaultOccurrence(PlannedFault fault, FakeFaultOutcome outcome, int call, string? rule = null)
    {
        Fault = fault;
        Outcome = outcome;
        Call = call;
        Rule = rule;
    }

    /// <summary>The fault.</summary>
    public PlannedFault Fault { get; }

    /// <summary>What became of it.</summary>
    public FakeFaultOutcome Outcome { get; }

    /// <summary>In or after which call, from 1; 0 before the first.</summary>
    public int Call { get; }

    /// <summary>Which rule forbids it, or what is missing; null if it occurred.</summary>
    public string? Rule { get; }
}
