namespace Hypercall.Testing;

/// <summary>
/// A call as a function of the VMM sees it: the caller's registers, and the guest's memory from the VMM's side.
/// </summary>
/// <remarks>
/// <para>
/// A register that the handler does not set comes back as it went in; RAX, too: it went in as the function's number.
/// </para>
/// <para>
/// Nothing here raises a fault in the guest. A VMM that walks a page table and finds no page has to stop: the methods return false and
/// say how many bytes were done.
/// </para>
/// </remarks>
public sealed partial class FakeCall
{
    private readonly FakeGuestMemory _memory;
    private HypercallRegisters _registers;

    internal FakeCall(string name, ulong number, in HypercallRegisters registers, FakeGuestMemory memory)
    {
        Name = name;
        Number = number;
        _registers = registers;
        _memory = memory;
    }

    /// <summary>The name of the function that was called.</summary>
    public string Name { get; }

    /// <summary>Its number, 1 to 127.</summary>
    public ulong Number { get; }

    /// <summary>All 15 registers, by reference. The caller gets them when the handler returns.</summary>
    public ref HypercallRegisters Registers => ref _registers;

    /// <summary>RAX: on entry <see cref="Number"/>, on return the result.</summary>
    public ulong Rax { get => _registers.Rax; set => _registers.Rax = value; }

    /// <summary>RBX: the first argument.</summary>
    public ulong Rbx { get => _registers.Rbx; set => _registers.Rbx = value; }

    /// <summary>RCX: the second argument.</summary>
    public ulong Rcx { get => _registers.Rcx; set => _registers.Rcx = value; }

    /// <summary>RDX: the third argument.</summary>
    public ulong Rdx { get => _registers.Rdx; set => _registers.Rdx = value; }

    /// <summary>RSI: the fourth argument.</summary>
    public ulong Rsi { get => _registers.Rsi; set => _registers.Rsi = value; }

    /// <summary>RDI: the fifth argument.</summary>
    public ulong Rdi { get => _registers.Rdi; set => _registers.Rdi = value; }

    /// <summary>RBP.</summary>
    public ulong Rbp { get => _registers.Rbp; set => _registers.Rbp = value; }

    /// <summary>R8.</summary>
    public ulong R8 { get => _registers.R8; set => _registers.R8 = value; }

    /// <summary>R9.</summary>
    public ulong R9 { get => _registers.R9; set => _registers.R9 = value; }

    /// <summary>R10.</summary>
    public ulong R10 { get => _registers.R10; set => _registers.R10 = value; }

    /// <summary>R11.</summary>
    public ulong R11 { get => _registers.R11; set => _registers.R11 = value; }

    /// <summary>R12.</summary>
    public ulong R12 { get => _registers.R12; set => _registers.R12 = value; }

    /// <summary>R13.</summary>
    public ulong R13 { get => _registers.R13; set => _registers.R13 = value; }

    /// <summary>R14.</summary>
    public ulong R14 { get => _registers.R14; set => _registers.R14 = value; }

    /// <summary>R15.</summary>
    public ulong R15 { get => _registers.R15; set => _registers.R15 = value; }

    /// <summary>Reads guest memory through the guest's page table, page by page, in ascending order.</summary>
    /// <param name="address">The guest virtual address of the first byte.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="done">How many bytes were read: all, or those before the first page that is absent.</param>
    /// <returns>Whether all bytes were read.</returns>
    public bool TryReadVirtual(GuestVirtualAddress address, Span<byte> destination, out int done) =>
        _memory.TryReadVirtual(address, destination, out done);

    /// <summary>Writes guest memory through the guest's page table, page by page, in ascending order.</summary>
    /// <param name="address">The guest virtual address of the first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="done">How many bytes were written: all, or those before the first page that is absent.</param>
    /// <returns>Whether all bytes were written.</returns>
    public bool TryWriteVirtual(GuestVirtualAddress address, ReadOnlySpan<byte> source, out int done) =>
        _memory.TryWriteVirtual(address, source, out done);

    /// <summary>Reads guest memory by physical address.</summary>
    /// <param name="address">The guest physical address of the first byte.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="done">How many bytes were read: all, or those before the first frame that holds none of the guest's pages.</param>
    /// <returns>Whether all bytes were read.</returns>
    public bool TryReadPhysical(GuestPhysicalAddress address, Span<byte> destination, out int done) =>
        _memory.TryReadPhysical(address, destination, out done);

    /// <summary>Writes guest memory by physical address.</summary>
    /// <param name="address">The guest physical address of the first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="done">How many bytes were written: all, or those before the first frame that holds none of the guest's pages.</param>
    /// <returns>Whether all bytes were written.</returns>
    public bool TryWritePhysical(GuestPhysicalAddress address, ReadOnlySpan<byte> source, out int done) =>
        _memory.TryWritePhysical(address, source, out done);
}
