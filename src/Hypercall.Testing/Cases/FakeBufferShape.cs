namespace Hypercall.Testing;

/// <summary>A buffer of a generated case.</summary>
/// <param name="Length">Its length in bytes, 1 and more.</param>
/// <param name="Offset">How far into its allocation the program's data begins, 0 and more: the first page need not be full.</param>
/// <param name="Residency">What holds its pages.</param>
/// <param name="Contiguity">How its frames lie.</param>
public sealed record FakeBufferShape(int Length, int Offset, Residency Residency, Contiguity Contiguity);
