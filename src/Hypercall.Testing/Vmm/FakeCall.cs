using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
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
/// A VMM that walks a page table and finds no page cannot wait for it: see <see cref="AbsentPagePolicy"/>. A VMM that is given an
/// address of memory that is not the guest's reads and destroys what others have there; the fake machine throws a
/// <see cref="FakeMachineException"/> then. Let it pass through the handler.
/// </para>
/// </remarks>
public sealed class FakeCall : IFakeCall
{
    private readonly FakeVmmMemory _memory;
    private readonly FakeFunction? _function;
    private readonly FakeMachineState _state;
    private readonly bool _isNested;
    private readonly ulong _rax; // as it came
    private HypercallRegisters _registers;
    private StrongBox<HypercallRegisters>? _entry; // once another register than RAX was written: most functions write no other
    private StrongBox<FakeFault>? _verdict;
    private StrongBox<FakeAbsentPage>? _injected;
    private uint _written; // one bit for each GeneralRegister
    private int _walks;
    private int _maps;
    private int _pages;

    internal FakeCall(
        int ordinal, FakeMachineState state, FakeExit exit, FakeVmmMemory memory, in HypercallRegisters registers, bool isNested = false)
    {
        _function = state.Functions.Find(state.Personality, exit, in registers);
        IsHeard = !exit.IsWatched || _function is not null
            || (state.Personality.CanWatch && state.Personality.Watches(exit, in registers));
        Convention = _function?.Convention ?? state.Personality.Convention;
        Number = Convention.Number.Read(in registers);
        Ordinal = ordinal;
        Exit = exit;
        _rax = registers.Rax;
        _state = state;
        _isNested = isNested;
        _registers = registers;
        _memory = memory;
    }

    /// <summary>The name of the function that was called; its convention and number where it has none.</summary>
    public string Name => _function?.Name ?? (IsHeard ? "no function" : "nobody watches");

    /// <summary>In which convention it was called.</summary>
    public HypercallConvention Convention { get; }

    /// <summary>Its number: what the convention's field holds. That of a name is 1 to 127.</summary>
    public ulong Number { get; }

    /// <summary>
    /// The privilege level of the caller: 3 for a program, 0 for the guest's kernel
    /// (<see cref="FakeMachine.OpenKernelChannel"/>).
    /// </summary>
    public int Cpl => Exit.Cpl;

    /// <summary>
    /// The result, where the convention has it. (A convention that has it in the register of the number gives the number until it
    /// is written.)
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value does not fit the convention's field.</exception>
    public ulong Result
    {
        get => Convention.Result.Read(in _registers);
        set
        {
            RegisterField result = Convention.Result;
            Prepare(result.Register);
            result.Write(ref _registers, value);
        }
    }

    /// <summary>All 15 registers, by reference. The caller gets them when the handler returns.</summary>
    public ref HypercallRegisters Registers
    {
        get
        {
            Save();
            return ref _registers;
        }
    }

    /// <summary>RAX: on entry <see cref="Number"/>, on return the result.</summary>
    public ulong Rax
    {
        get => _registers.Rax;
        set
        {
            _registers.Rax = value;
            _written |= 1u << (int)GeneralRegister.Rax;
        }
    }

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
    public ulong Rbp { get => _registers.Rbp; set => Write(GeneralRegister.Rbp, value); }

    /// <summary>R8.</summary>
    public ulong R8 { get => _registers.R8; set => Write(GeneralRegister.R8, value); }

    /// <summary>R9.</summary>
    public ulong R9 { get => _registers.R9; set => Write(GeneralRegister.R9, value); }

    /// <summary>R10.</summary>
    public ulong R10 { get => _registers.R10; set => Write(GeneralRegister.R10, value); }

    /// <summary>R11.</summary>
    public ulong R11 { get => _registers.R11; set => Write(GeneralRegister.R11, value); }

    /// <summary>R12.</summary>
    public ulong R12 { get => _registers.R12; set => Write(GeneralRegister.R12, value); }

    /// <summary>R13.</summary>
    public ulong R13 { get => _registers.R13; set => Write(GeneralRegister.R13, value); }

    /// <summary>R14.</summary>
    public ulong R14 { get => _registers.R14; set => Write(GeneralRegister.R14, value); }

    /// <summary>R15.</summary>
    public ulong R15 { get => _registers.R15; set => Write(GeneralRegister.R15, value); }

    bool IFakeCall.IsNested => _isNested;

    bool IFakeCall.IsLookup => ReferenceEquals(_function, _state.Functions.Lookup);

    bool IFakeCall.MayClobber => Personality.Overwrites.Count != 0;

    int IFakeCall.Ordinal => Ordinal;

    bool IFakeCall.IsOver => IsOver;

    bool IFakeCall.IsHeard => IsHeard;

    FakeFault? IFakeCall.Verdict { get => Verdict; set => _verdict = value is { } fault ? new StrongBox<FakeFault>(fault) : null; }

    bool IFakeCall.Clobbers { get => Clobbers; set => Clobbers = value; }

    /// <summary>The how-manieth call of the run.</summary>
    internal int Ordinal { get; }

    internal FakeExit Exit { get; }

    internal FakeVmmPersonality Personality => _state.Personality;

    /// <summary>The registers that the guest came with.</summary>
    internal HypercallRegisters Entry => _entry is { } saved ? saved.Value : _registers with { Rax = _rax };

    /// <summary>The registers as they are.</summary>
    internal ref readonly HypercallRegisters Current => ref _registers;

    /// <summary>Whether the VMM hears of it; false for a leaf or a port that it does not watch.</summary>
    internal bool IsHeard { get; }

    internal bool IsOver { get; set; }

    /// <summary>How the VMM ended the call against the function's will; null if it did not.</summary>
    internal FakeFault? Verdict => _verdict?.Value;

    /// <summary>Whether it did.</summary>
    internal bool IsEnded => _verdict is not null;

    /// <summary>Whether the registers that the function did not write are to come back with something else.</summary>
    internal bool Clobbers { get; private set; }

    /// <summary>The address whose page the VMM found absent and let the guest bring in; null if there is none.</summary>
    internal FakeAbsentPage? Injected => _injected?.Value;

    /// <summary>
    /// Whether the VMM has ended the call already, against the function's will: then it touches no memory any more.
    /// </summary>
    internal bool IsGivenUp => _verdict is not null || _injected is not null;

    internal PageAccess Access => Cpl == 3 && Personality.ChecksRights ? PageAccess.User : PageAccess.Read;

    /// <summary>The argument that most likely points to memory.</summary>
    internal ulong FirstAddress =>
        Convention.Arguments.Count == 0 ? 0 : Convention.Arguments[Convention.Layout?.ToVmm ?? 0].Read(Entry);

    /// <summary>The call as messages name it.</summary>
    internal string What => string.Create(CultureInfo.InvariantCulture, $"Call {Ordinal} ({Name})");

    /// <summary>An argument, by the call's convention.</summary>
    /// <param name="index">Which one, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The convention has no such argument.</exception>
    public ulong Argument(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Convention.Arguments.Count);
        return Convention.Arguments[index].Read(in _registers);
    }

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
    /// Makes the guest's kernel bring a page in, and the instruction run again. Return from the handler at once: its registers do
    /// not count. A guest whose kernel cannot do it gets the #PF as the call's result; for an address that is not canonical it
    /// gets #GP, as from the CPU.
    /// </summary>
    /// <param name="address">The address whose page is missing: CR2.</param>
    /// <param name="isWrite">Whether it is missing for a write.</param>
    public void InjectPageFault(GuestVirtualAddress address, bool isWrite)
    {
        // P is left to the guest's kernel to see: a #PF of a user's access, not of a fetch. Intel SDM vol. 3A, section 4.7.
        _injected ??= new(new FakeAbsentPage(address.Value, PageFaultErrorCode.User | (isWrite ? PageFaultErrorCode.Write : PageFaultErrorCode.None)));
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

    /// <summary>
    /// Reads a value, little-endian, through the guest's page table, as BitVisor's read_linearaddr_b, _w, _l and _q do for 1, 2,
    /// 4 and 8 bytes.
    /// </summary>
    /// <typeparam name="T">Its type: an integer, or a struct of some.</typeparam>
    /// <param name="address">The guest virtual address of its first byte.</param>
    /// <param name="value">The value.</param>
    /// <returns>False if a page is absent.</returns>
    public bool TryReadLinear<T>(GuestVirtualAddress address, out T value)
        where T : unmanaged
    {
        value = default;
        return CopyAll(address.Value, MemoryMarshal.AsBytes(new Span<T>(ref value)), isWrite: false, out _);
    }

    /// <summary>
    /// Writes a value, little-endian, through the guest's page table, as BitVisor's write_linearaddr_b, _w, _l and _q do for 1,
    /// 2, 4 and 8 bytes.
    /// </summary>
    /// <typeparam name="T">Its type: an integer, or a struct of some.</typeparam>
    /// <param name="address">The guest virtual address of its first byte.</param>
    /// <param name="value">The value.</param>
    /// <returns>False if a page is absent or read-only; then nothing was written.</returns>
    public bool TryWriteLinear<T>(GuestVirtualAddress address, T value)
        where T : unmanaged
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<T>(ref value));
        ulong last = unchecked(address.Value + (ulong)bytes.Length - 1);

        // A value may lie across pages: nothing of it is written unless all of them are there.
        return (last >> GuestPage.Shift == address.Value >> GuestPage.Shift || AreAllThere(address.Value, bytes.Length, isWrite: true))
            && CopyAll(address.Value, bytes, isWrite: true, out _);
    }

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
    internal static Span<byte> Writable(ReadOnlySpan<byte> source) =>
        MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(source), source.Length);

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

    int IFakeCall.Count(FakeInjectionPointKind kind) => kind switch
    {
        FakeInjectionPointKind.BeforeWalk => ++_walks,
        FakeInjectionPointKind.BeforeMap => ++_maps,
        FakeInjectionPointKind.BeforePage => ++_pages,
        _ => 0,
    };

    void IFakeCall.CallFromSecondCpu()
    {
        HypercallRegisters registers = Convention.CreateFrame(Number);
        new FakeCall(Ordinal, _state, Exit, _memory, in registers, isNested: true).Answer();
    }

    /// <summary>Does what the CPU does by itself, where no VMM hears of the call.</summary>
    internal void AnswerAsHardware()
    {
        if (Exit.Kind == FakeExitKind.Cpuid)
        {
            CpuidResult leaf = FakeCpuid.Query(_state, (uint)_registers.Rax);
            (_registers.Rax, _registers.Rbx, _registers.Rcx, _registers.Rdx) = (leaf.Eax, leaf.Ebx, leaf.Ecx, leaf.Edx);
        }
        else if (Exit.Kind == FakeExitKind.In)
        {
            // Ones from the empty bus; what goes to EAX clears the upper half of RAX (Intel SDM vol. 1, section 3.4.1.1).
            _registers.Rax = FakeInstructions.WidthOf(Exit.Instruction) switch
            {
                sizeof(byte) => _registers.Rax | byte.MaxValue,
                sizeof(ushort) => _registers.Rax | ushort.MaxValue,
                _ => uint.MaxValue,
            };
        }
    }

    /// <summary>Lets the VMM answer.</summary>
    internal void Answer()
    {
        FakeVmmPersonality vmm = _state.Personality;
        if (!vmm.Admit(Exit, ref _registers))
        {
            return;
        }
        else if (_function is { } function)
        {
            function.Handler(this);
        }
        else
        {
            vmm.AnswerUnserved(Exit, ref _registers);
        }
    }

    /// <summary>The registers are again what they were before the instruction.</summary>
    internal void Restart(in HypercallRegisters entry)
    {
        _registers = entry;
        _written = 0;
        _injected = null;
        _entry = null;
    }

    /// <summary>
    /// Leaves something else in what the function did not write; only of one that did its work: one that refused wrote nothing.
    /// </summary>
    internal void Clobber(in HypercallRegisters entry)
    {
        RegisterField result = Convention.Result;
        if (result.Read(in _registers) == result.Read(in entry))
        {
            return;
        }

        foreach (GeneralRegister register in Personality.Overwrites)
        {
            // One that was written with the value that it had is an answer, too.
            if (register != result.Register && _registers[register] == entry[register] && (_written & (1u << (int)register)) == 0)
            {
                _registers[register] = 0xC10B_BE4E_D000_0000 + (ulong)register;
            }
        }
    }

    /// <summary>The call as the guest makes it, for the trace.</summary>
    internal string Describe()
    {
        HypercallRegisters entry = Entry;
        string number = ReferenceEquals(Convention, HypercallConvention.BitVisor)
            ? string.Create(CultureInfo.InvariantCulture, $"RAX={entry.Rax} ({Name})")
            : _function is null ? string.Create(CultureInfo.InvariantCulture, $"{Convention} {Number} ({Name})") : Name;
        IEnumerable<string> arguments = Convention.Arguments.Take(3)
            .Select(argument => string.Create(CultureInfo.InvariantCulture, $"{argument}=0x{argument.Read(in entry):x}"));
        return string.Create(CultureInfo.InvariantCulture, $"call {Ordinal}: {Exit.Instruction.Mnemonic} {number} {string.Join(' ', arguments)}");
    }

    /// <summary>The answer, for the trace.</summary>
    internal string DescribeAnswer() => string.Create(CultureInfo.InvariantCulture,
        $"returns from call {Ordinal}: RAX=0x{_registers.Rax:x} RBX=0x{_registers.Rbx:x} RCX=0x{_registers.Rcx:x}");

    private void Write(GeneralRegister register, ulong value)
    {
        Prepare(register);
        _registers[register] = value;
    }

    /// <summary>A register is about to be written by its own property.</summary>
    private void Prepare(GeneralRegister register)
    {
        _written |= 1u << (int)register;
        if (register != GeneralRegister.Rax)
        {
            Save();
        }
    }

    /// <summary>Keeps what the guest came with.</summary>
    private void Save() => _entry ??= new StrongBox<HypercallRegisters>(_registers with { Rax = _rax });

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
                    return new FakeCopy(_injected is null ? FakeCopyOutcome.Stopped : FakeCopyOutcome.Injected, done);
                }

                _injected = new(new FakeAbsentPage(at, error));
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
}
