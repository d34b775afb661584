namespace Hypercall.Testing;

/// <summary>
/// Something to try a program on: a machine, its misfortunes, buffers, and calls. A program that has buffers and calls of its own uses the machine
/// alone.
/// </summary>
/// <param name="Machine">The machine, with its plan of faults.</param>
/// <param name="Buffers">The buffers.</param>
/// <param name="Calls">What is done with them, in this order.</param>
public sealed record FakeCase(FakeVmmOptions Machine, IReadOnlyList<FakeBufferShape> Buffers, IReadOnlyList<FakeCallShape> Calls);
