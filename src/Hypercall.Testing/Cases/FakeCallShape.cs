namespace Hypercall.Testing;

/// <summary>A call of a generated case.</summary>
/// <param name="Buffer">Which of the case's buffers, from 0.</param>
/// <param name="Technique">How it is handed over.</param>
/// <param name="Direction">Which way the data goes.</param>
public sealed record FakeCallShape(int Buffer, FakeTechnique Technique, Direction Direction);
