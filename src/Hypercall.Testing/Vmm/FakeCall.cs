using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Hypercall.Testing;

/// <summary>
/// A call as a function of the VMM sees it: the caller's registers, and the guest's memory from the VMM's side.
/// </summary>
/// <remarks>
/// <para>
/// A register that the handler does not set comes back as it went in; RAX, too: it went in as the function's number.
/// </para>
/// <para>
/// A VMM that walks a page table and finds no page cannot wait for it: see <see cref="AbsentPagePolicy"/>. A VMM that is given an address of memory that
/// is not the guest's reads and destroys what others have there; the fake machine throws a <see cref="FakeMachineException"/> then. Let it pass through the handler.
/// </para>
/// </remarks>
public sealed class FakeCall
{
    private readonly FakeVmmMemory _memory;
    private HypercallRegisters _registers;

    internal FakeCall(string name, in HypercallRegisters registers, int cpl, FakeVmmMemory memory, FakeCallState state)
    {
        Name = name;
        Number = registers.Rax;
        Cpl = cpl;
        State = state;
        _registers = registers;
        _memory = memory;
    }

    /// <summary>The name of the function that was called.</summary>
    public string Name { get; }

    /// <summary>Its number, 1 to 127.</summary>
    public ulong Number { get; }

    /// <summary>The privilege level of the caller: 3 for a program, 0 for the guest's kernel (<see cref="FakeMachine.OpenKernelChannel"/>).</summary>
    public int Cpl { get; }

    /// <summary>All 15 registers, by reference. The caller gets them when the handler returns.</summary>
    public ref HypercallRegisters Registers => ref _registers;

    /// <summary>RAX: on entry <see cref="Number"/>, on return the result.</summary>
    public ulong Rax { get => _registers.Rax; set => Write(GeneralRegister.Rax, value); }

    /// <summary>RBX: the first argument.</summary>
    public ulong Rbx { get => _registers.Rbx; set => Write(GeneralRegister.Rbx, value); }

    /// <summary>RCX: the second argument.</summary>
    public ulong Rcx { get => _registers.Rcx; set => Write(GeneralRegister.Rcx, value); }

    /// <summary>RDX: the third argument.</summary>
    public ulong Rdx { get => _registers.Rdx; set => Write(GeneralRegister.Rdx, value); }

    /// <summary>RSI: the fourth argument.</summary>
    public ulong Rsi { get => _registers.Rsi; set => Write(GeneralRegister.Rsi, value); }

    /// <summary>RDI: the fifth argument.</summary>
    public ulong Rdi { get => _registers.Rdi; set => Write(GeneralRegister.Rdi, value); }

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

    internal FakeCallState State { get; }

    /// <summary>Whether the VMM has ended the call already, against the function's will: then it touches no memory any more.</summary>
    internal bool IsGivenUp => State.Verdict is not null || State.Injected is not null;

    internal PageAccess Access => Cpl == 3 ? PageAccess.User : PageAccess.Read;

    /// <summary>The call as messages name it.</summary>
    internal string What => string.Create(CultureInfo.InvariantCulture, $"Call {State.Number} ({Name})");

    /// <summary>Copies from guest virtual memory, page by page, in ascending order.</summary>
    /// <param name="source">The guest virtual address of the first byte.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="policy">What to do at a page that is absent.</param>
    /// <returns>How far it got. After <see cref="FakeCopyOutcome.Injected"/> return from the handler at once.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The policy is none.</exception>
    public FakeCopy CopyFromGuest(GuestVirtualAddress source, Span<byte> destination, AbsentPagePolicy policy = AbsentPagePolicy.Stop) =>
        CopyVirtual(source.Value, destination, isWrite: false, policy);

    /// <summary>Copies to guest virtual memory, page by page, in ascending order.</summary>
    /// <param name="destination">The guest virtual address of the first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="policy">What to do at a page that is absent or read-only.</param>
    /// <returns>How far it got. After <see cref="FakeCopyOutcome.Injected"/> return from the handler at once.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The policy is none.</exception>
    public FakeCopy CopyToGuest(GuestVirtualAddress destination, ReadOnlySpan<byte> source, AbsentPagePolicy policy = AbsentPagePolicy.Stop) =>
        CopyVirtual(destination.Value, Writable(source), isWrite: true, policy);

    /// <summary>Walks the guest's page table from CR3, for an access of the caller's.</summary>
    /// <param name="address">The guest virtual address.</param>
    /// <param name="isWrite">Whether the access is a write.</param>
    public PageWalk Walk(GuestVirtualAddress address, bool isWrite = false) =>
        _memory.Walk(this, address.Value, Access | (isWrite ? PageAccess.Write : PageAccess.Read));

    /// <summary>
    /// Makes the guest's kernel bring a page in, and the instruction run again. Return from the handler at once: its registers do not count. A guest whose kernel
    /// cannot do it gets the #PF as the call's result; for an address that is not canonical it gets #GP, as from the CPU.
    /// </summary>
    /// <param name="address">The address whose page is missing: CR2.</param>
    /// <param name="isWrite">Whether it is missing for a write.</param>
    public void InjectPageFault(GuestVirtualAddress address, bool isWrite)
    {
        // P is left to the guest's kernel to see: a #PF of a user's access, not of a fetch. Intel SDM vol. 3A, section 4.7.
        State.Injected ??= (address.Value, PageFaultErrorCode.User | (isWrite ? PageFaultErrorCode.Write : PageFaultErrorCode.None));
    }

    /// <summary>Maps a range of guest-physical memory (mapmem_gphys).</summary>
    /// <param name="start">The guest-physical address of the first byte.</param>
    /// <param name="length">Its length in bytes, 1 and more.</param>
    /// <param name="access">What for.</param>
    /// <param name="view">The range.</param>
    /// <returns>False if some of it is no memory.</returns>
    public bool TryMap(GuestPhysicalAddress start, long length, FakeMapAccess access, [NotNullWhen(true)] out FakeView? view)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        view = null;
        ulong first = start.Value >> GuestPage.Shift;
        ulong last = unchecked(start.Value + (ulong)length - 1) >> GuestPage.Shift;
        if (last < first)
        {
            return false; // it wraps
        }

        for (ulong frame = first; frame <= last; frame++)
        {
            if (!_memory.TryMap(this, frame << GuestPage.Shift))
            {
                return false;
            }
        }

        view = new FakeView(this, start, length, access);
        return true;
    }

    /// <summary>Reads one byte through the guest's page table (read_linearaddr_b).</summary>
    /// <param name="address">Its guest virtual address.</param>
    /// <param name="value">The byte.</param>
    /// <returns>False if its page is absent.</returns>
    public bool TryReadLinearByte(GuestVirtualAddress address, out byte value) => TryReadLinear(address, out value);

    /// <summary>Reads two bytes, little-endian, through the guest's page table (read_linearaddr_w).</summary>
    /// <param name="address">The guest virtual address of the first.</param>
    /// <param name="value">The value.</param>
    /// <returns>False if a page is absent.</returns>
    public bool TryReadLinearUInt16(GuestVirtualAddress address, out ushort value) => TryReadLinear(address, out value);

    /// <summary>Reads four bytes, little-endian, through the guest's page table (read_linearaddr_l).</summary>
    /// <param name="address">The guest virtual address of the first.</param>
    /// <param name="value">The value.</param>
    /// <returns>False if a page is absent.</returns>
    public bool TryReadLinearUInt32(GuestVirtualAddress address, out uint value) => TryReadLinear(address, out value);

    /// <summary>Reads eight bytes, little-endian, through the guest's page table (read_linearaddr_q).</summary>
    /// <param name="address">The guest virtual address of the first.</param>
    /// <param name="value">The value.</param>
    /// <returns>False if a page is absent.</returns>
    public bool TryReadLinearUInt64(GuestVirtualAddress address, out ulong value) => TryReadLinear(address, out value);

    /// <summary>Writes one byte through the guest's page table (write_linearaddr_b).</summary>
    /// <param name="address">Its guest virtual address.</param>
    /// <param name="value">The byte.</param>
    /// <returns>False if its page is absent or read-only.</returns>
    public bool TryWriteLinearByte(GuestVirtualAddress address, byte value) => TryWriteLinear(address, value);

    /// <summary>Writes two bytes, little-endian, through the guest's page table (write_linearaddr_w).</summary>
    /// <param name="address">The guest virtual address of the first.</param>
    /// <param name="value">The value.</param>
    /// <returns>False if a page is absent or read-only; then nothing was written.</returns>
    public bool TryWriteLinearUInt16(GuestVirtualAddress address, ushort value) => TryWriteLinear(address, value);

    /// <summary>Writes four bytes, little-endian, through the guest's page table (write_linearaddr_l).</summary>
    /// <param name="address">The guest virtual address of the first.</param>
    /// <param name="value">The value.</param>
    /// <returns>False if a page is absent or read-only; then nothing was written.</returns>
    public bool TryWriteLinearUInt32(GuestVirtualAddress address, uint value) => TryWriteLinear(address, value);

    /// <summary>Writes eight bytes, little-endian, through the guest's page table (write_linearaddr_q).</summary>
    /// <param name="address">The guest virtual address of the first.</param>
    /// <param name="value">The value.</param>
    /// <returns>False if a page is absent or read-only; then nothing was written.</returns>
    public bool TryWriteLinearUInt64(GuestVirtualAddress address, ulong value) => TryWriteLinear(address, value);

    /// <summary>Reads guest memory through the guest's page table, page by page, in ascending order.</summary>
    /// <param name="address">The guest virtual address of the first byte.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="done">How many bytes were read: all, or those before the first page that is absent.</param>
    /// <returns>Whether all bytes were read.</returns>
    public bool TryReadVirtual(GuestVirtualAddress address, Span<byte> destination, out int done) =>
        CopyAll(address.Value, destination, isWrite: false, out done);

    /// <summary>Writes guest memory through the guest's page table, page by page, in ascending order.</summary>
    /// <param name="address">The guest virtual address of the first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="done">How many bytes were written: all, or those before the first page that is absent or read-only.</param>
    /// <returns>Whether all bytes were written.</returns>
    public bool TryWriteVirtual(GuestVirtualAddress address, ReadOnlySpan<byte> source, out int done) =>
        CopyAll(address.Value, Writable(source), isWrite: true, out done);

    /// <summary>Reads guest memory by physical address.</summary>
    /// <param name="address">The guest physical address of the first byte.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="done">How many bytes were read: all, or those before the first hole.</param>
    /// <returns>Whether all bytes were read.</returns>
    public bool TryReadPhysical(GuestPhysicalAddress address, Span<byte> destination, out int done) =>
        CopyPhysical(address.Value, destination, isWrite: false, maps: true, out done);

    /// <summary>Writes guest memory by physical address.</summary>
    /// <param name="address">The guest physical address of the first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="done">How many bytes were written: all, or those before the first hole.</param>
    /// <returns>Whether all bytes were written.</returns>
    /// <exception cref="FakeMachineException"><see cref="FakeOracle.VmmPanic"/>: a page is ROM-faked.</exception>
    public bool TryWritePhysical(GuestPhysicalAddress address, ReadOnlySpan<byte> source, out int done) =>
        CopyPhysical(address.Value, Writable(source), isWrite: true, maps: true, out done);

    /// <summary>One way through for both directions: the span is only read where bytes go to the guest.</summary>
    internal static Span<byte> Writable(ReadOnlySpan<byte> source) => MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(source), source.Length);

    internal bool CopyPhysical(ulong address, Span<byte> bytes, bool isWrite, bool maps, out int done)
    {
        for (done = 0; done < bytes.Length;)
        {
            ulong at = unchecked(address + (ulong)done);
            int length = Math.Min(bytes.Length - done, GuestPage.Size - (int)(at % GuestPage.Size));
            if ((maps && !_memory.TryMap(this, at)) || !_memory.TryCopyPhysical(this, at, bytes.Slice(done, length), isWrite))
            {
                return false;
            }

            done += length;
        }

        return true;
    }

    private bool CopyAll(ulong address, Span<byte> bytes, bool isWrite, out int done)
    {
        FakeCopy copy = CopyVirtual(address, bytes, isWrite, AbsentPagePolicy.Stop);
        done = (int)copy.BytesDone;
        return copy.IsCompleted;
    }

    private void Write(GeneralRegister register, ulong value)
    {
        _registers[register] = value;
        State.Written |= 1u << (int)register;
    }

    private FakeCopy CopyVirtual(ulong address, Span<byte> bytes, bool isWrite, AbsentPagePolicy policy)
    {
        if (policy is < AbsentPagePolicy.Stop or > AbsentPagePolicy.InjectPageFault)
        {
            throw new ArgumentOutOfRangeException(nameof(policy), policy, "This is no policy.");
        }

        if (policy == AbsentPagePolicy.Fail && !AreAllThere(address, bytes.Length, isWrite))
        {
            return new FakeCopy(FakeCopyOutcome.Stopped, 0);
        }

        int done = 0;
        while (done < bytes.Length)
        {
            ulong at = unchecked(address + (ulong)done);
            int length = Math.Min(bytes.Length - done, GuestPage.Size - (int)(at % GuestPage.Size));
            if (!_memory.TryCopyVirtual(this, at, bytes.Slice(done, length), isWrite, out PageFaultErrorCode error))
            {
                if (policy != AbsentPagePolicy.InjectPageFault || IsGivenUp)
                {
                    return new FakeCopy(State.Injected is null ? FakeCopyOutcome.Stopped : FakeCopyOutcome.Injected, done);
                }

                State.Injected = (at, error);
                return new FakeCopy(FakeCopyOutcome.Injected, done);
            }

            done += length;
        }

        return new FakeCopy(FakeCopyOutcome.Completed, done);
    }

    private bool AreAllThere(ulong address, int length, bool isWrite)
    {
        for (int done = 0; done < length;)
        {
            ulong at = unchecked(address + (ulong)done);
            if (!Walk(new GuestVirtualAddress(at), isWrite).IsPresent)
            {
                return false;
            }

            done += GuestPage.Size - (int)(at % GuestPage.Size);
        }

        return true;
    }

    private bool TryReadLinear<T>(GuestVirtualAddress address, out T value)
        where T : unmanaged
    {
        value = default;
        return CopyAll(address.Value, MemoryMarshal.AsBytes(new Span<T>(ref value)), isWrite: false, out _);
    }

    private bool TryWriteLinear<T>(GuestVirtualAddress address, T value)
        where T : unmanaged
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<T>(ref value));
        ulong last = unchecked(address.Value + (ulong)bytes.Length - 1);

        // A value may lie across two pages: nothing of it is written unless both are there.
        return (last >> GuestPage.Shift == address.Value >> GuestPage.Shift || AreAllThere(address.Value, bytes.Length, isWrite: true))
            && CopyAll(address.Value, bytes, isWrite: true, out _);
    }
}
