using System.Globalization;

namespace Hypercall.Testing;

/// <summary>A buffer of a generated case.</summary>
/// <remarks>
/// <code>
///   allocation  [ page 0 ][ page 1 ][ page 2 ]
///   data          ..####    ######    ##....        Offset, then Length bytes
/// </code>
/// </remarks>
/// <param name="Length">Its length in bytes, 1 and more.</param>
/// <param name="Offset">How far into its allocation the program's data begins, 0 and more: the first page need not be
/// full.</param>
/// <param name="Residency">What holds its pages.</param>
/// <param name="Contiguity">How its frames lie.</param>
public sealed record FakeBufferShape(int Length, int Offset, Residency Residency, Contiguity Contiguity)
{
    /// <summary>
    /// Allocates the buffer: <see cref="Offset"/> and <see cref="Length"/> bytes, of which the program's are those that
    /// <see cref="SliceOf"/> gives.
    /// </summary>
    /// <param name="memory">Where.</param>
    /// <param name="buffer">The buffer; dispose it.</param>
    /// <param name="refusal">Why there is none.</param>
    public bool TryAllocate(
        IGuestMemory memory,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out GuestBuffer? buffer,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        ArgumentNullException.ThrowIfNull(memory);
        return memory.TryAllocate((long)Offset + Length, new GuestBufferOptions { Residency = Residency, Contiguity = Contiguity }, out buffer, out refusal);
    }

    /// <summary>The program's bytes of a buffer that <see cref="TryAllocate"/> gave.</summary>
    /// <param name="buffer">The buffer.</param>
    public GuestSlice SliceOf(GuestBuffer buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        return buffer.Slice(Offset, Length);
    }

    internal string ToCSharp() => string.Create(
        CultureInfo.InvariantCulture, $"new FakeBufferShape({Length}, {Offset}, {nameof(Hypercall.Residency)}.{Residency}, {nameof(Hypercall.Contiguity)}.{Contiguity})");
}
