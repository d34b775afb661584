namespace Hypercall.Conformance;

/// <summary>One thing that must hold, on the fake machine as on real ones.</summary>
/// <param name="Name">An area, a colon, a sentence: <c>abi: an unknown number gives RAX = 0</c>. It is what filters and lists of
/// required scenarios name.</param>
/// <param name="Needs">What a machine must have for it to mean anything.</param>
/// <param name="Run">Does it. It fails by an exception.</param>
internal sealed record Scenario(string Name, Needs Needs, Action<ScenarioContext> Run)
{
    public override string ToString() => Name;
}
