namespace Hypercall.Conformance;

/// <summary>Something that must hold does not.</summary>
internal sealed class ScenarioFailedException(string message) : Exception(message);
