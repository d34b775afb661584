namespace Hypercall.Testing;

/// <summary>
/// What a function of the fake VMM does with the bytes that it is handed: changes one piece of them in place. Pieces come in
/// order.
/// </summary>
/// <remarks>
/// <code>
///   handed over:  [ ....####][########][########][##...... ]
///   pieces:           1         2         3       4             a page or less; one byte each where the VMM works byte by byte
/// </code>
/// <para>
/// Where the VMM only reads (<see cref="Direction.ToVmm"/>), the changes go nowhere; where it only writes
/// (<see cref="Direction.FromVmm"/>), the piece comes zeroed.
/// </para>
/// <para>
/// A piece counts as done when it is read and, where the VMM writes, written: one that could not be written back has been
/// transformed for nothing, and comes again when the program hands it over again.
/// </para>
/// </remarks>
/// <param name="call">The call, for the function's own arguments.</param>
/// <param name="bytes">The bytes of the piece.</param>
public delegate void FakeTransform(FakeCall call, Span<byte> bytes);
