namespace Hypercall.TestReport;

/// <summary>What became of one test.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Outcome">In VSTest's words: Passed, Failed, NotExecuted, ...</param>
/// <param name="Message">Why it failed or was skipped; empty if it does not say.</param>
/// <param name="StackTrace">Where it failed; empty if it does not say.</param>
/// <param name="Output">What it printed.</param>
internal sealed record TestResult(string Name, string Outcome, string Message, string StackTrace, string Output)
{
    public bool IsPassed => Outcome == "Passed";

    public bool IsSkipped => Outcome == "NotExecuted";

    public bool IsFailed => !IsPassed && !IsSkipped;
}
