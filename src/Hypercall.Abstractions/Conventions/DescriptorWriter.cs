namespace Hypercall;

/// <summary>Writes a piece of memory down in a format.</summary>
/// <param name="piece">The piece.</param>
/// <param name="block">Where to: one page. It may hold an older descriptor.</param>
/// <returns>How many bytes of the block were written.</returns>
public delegate int DescriptorWriter(in TransferPiece piece, Span<byte> block);
