using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Hypercall.Testing;

/// <summary>
/// A machine with a VMM that exists only in this process: a CPU, a guest's memory, and functions that a test writes. A program that
/// calls a VMM runs on it unchanged, on any operating system and CPU.
/// </summary>
/// <remarks>
/// <para>
/// A function is a handler that reads and writes the caller's registers. Registers that it does not write come back unchanged; so
/// does RAX, which then holds the number that was called. Calls that overlap run their handlers at the same time.
/// </para>
/// <para>
/// An exception that a handler throws is a bug of the test, not an answer of the VMM: it comes out of
/// <see cref="IHypercallChannel.TryInvoke"/> as it is, and the caller's registers stay as they were.
/// </para>
/// <para>
/// Functions may be registered, replaced and removed, and the personality and the CPU changed, at any time and from any thread. A call
/// sees all of a change or nothing of it.
/// </para>
/// </remarks>
/// <example>
/// <code>
/// FakeVmm fake = new FakeVmm().On("foo", call => call.Rax = call.Rbx + call.Rcx);
/// ulong sum = new Vmm(fake).GetFunction("foo").Call(rbx: 1, rcx: 2).Rax;      // 3
/// </code>
/// </example>
public sealed class FakeVmm : IHypercallMachine
{
    // A page that is resolved and found missing again and again: the guest's kernel does not bring it in for that access.
    private const int MaxInjectionsOfOnePage = 16;

    private readonly object _gate = new();
    private readonly FakeRun _run;
    private readonly FakeKernel _kernel;
    private readonly FakeVmmMemory _view;
    private volatile FakeVmmState _state;
    private FakeChannel? _channel;
    private long _calls;

    /// <summary>Makes a machine on an AMD CPU with a VMM like BitVisor, with the functions that every build of it has: <c>boot</c>, <c>loadcfg</c>, <c>loadcfg64</c>.</summary>
    public FakeVmm()
        : this(new FakeVmmOptions())
    {
    }

    /// <summary>Makes a machine on an AMD CPU, with the functions that every build of BitVisor has: <c>boot</c>, <c>loadcfg</c>, <c>loadcfg64</c>.</summary>
    /// <param name="personality">How the VMM behaves.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="personality"/> is none.</exception>
    public FakeVmm(FakeVmmPersonality personality)
        : this(new FakeVmmOptions { Personality = personality })
    {
    }

    /// <summary>Makes the machine that the options describe, with the functions that every build of BitVisor has: <c>boot</c>, <c>loadcfg</c>, <c>loadcfg64</c>.</summary>
    /// <param name="options">The machine as data.</param>
    /// <exception cref="ArgumentException">The options describe no machine.</exception>
    public FakeVmm(FakeVmmOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        _run = new FakeRun(options);
        _kernel = new FakeKernel(_run, options);
        _view = new FakeVmmMemory(_run, _kernel, options);
        Memory = new FakeGuestMemory(_run, _kernel, options);
        _run.Striker = new FakeMisfortune(_kernel, Memory, options)
        {
            SecondCall = CallFromSecondCpu,
            Tell = (actor, text, planned) => _run.Tell(actor, text, planned),
        }.Strike;

        // After boot these refuse, and a refusal is RAX unchanged.
        FakeFunctions functions = FakeFunctions.Empty.With("boot", Refuse).With("loadcfg", Refuse).With("loadcfg64", Refuse);
        CpuIdentity cpu = options.Cpu is { } chosen ? FakeCpuid.Checked(chosen) : FakeVmmState.DefaultCpu(Checked(options.Personality));
        _state = new FakeVmmState(Checked(options.Personality), cpu, CpuIsChosen: options.Cpu is not null, functions);
        Cpuid = new FakeCpuid(this);

        static void Refuse(FakeCall call)
        {
        }
    }

    /// <summary>What the machine was made from.</summary>
    public FakeVmmOptions Options { get; }

    /// <summary>What happened so far; empty unless the machine records (<see cref="FakeVmmOptions.Record"/>).</summary>
    public FakeStory Story => _run.Story;

    /// <summary>Which oracle spoke: it ended the run. Null as long as none did. A test looks here when the program may have swallowed the exception.</summary>
    public FakeMachineException? Failure => _run.Failure;

    /// <summary>The faults of the plan whose moment came, and what became of them, in their order.</summary>
    public IReadOnlyList<FakeStrike> Strikes => _run.Strikes;

    /// <summary>How the VMM behaves. As long as <see cref="Cpu"/> was not set, it follows: KVM sets the hypervisor bit, BitVisor does not.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is no personality.</exception>
    public FakeVmmPersonality Personality
    {
        get => _state.Personality;
        set
        {
            FakeVmmPersonality personality = Checked(value);
            lock (_gate)
            {
                CpuIdentity cpu = _state.CpuIsChosen ? _state.Cpu : FakeVmmState.DefaultCpu(personality);
                _state = _state with { Personality = personality, Cpu = cpu };
            }
        }
    }

    /// <summary>
    /// The CPU, as <see cref="Cpuid"/> tells it. Its vendor decides which instruction reaches the VMM: VMCALL or VMMCALL; on a vendor that
    /// has neither, whichever one is forced. A <see cref="CpuIdentity.MaxLeaf"/> of 0 becomes 1, for without leaf 1 there is no hypervisor bit.
    /// </summary>
    /// <exception cref="ArgumentException">CPUID could not tell the identity: the vendor has other than 12 characters, or a text is too long.</exception>
    public CpuIdentity Cpu
    {
        get => _state.Cpu;
        set
        {
            CpuIdentity cpu = FakeCpuid.Checked(value);
            lock (_gate)
            {
                _state = new FakeVmmState(_state.Personality, cpu, CpuIsChosen: true, _state.Functions);
                _channel = null;
            }
        }
    }

    /// <inheritdoc/>
    public ICpuid Cpuid { get; }

    /// <inheritdoc/>
    public HypercallTarget Target => SelectTarget(null);

    /// <inheritdoc/>
    public IHypercallChannel Channel
    {
        get
        {
            lock (_gate)
            {
                return _channel ??= new FakeChannel(this, Target.Instruction);
            }
        }
    }

    /// <summary>The guest's memory, with what a test can do to it.</summary>
    public FakeGuestMemory Memory { get; }

    /// <inheritdoc/>
    IGuestMemory IHypercallMachine.Memory => Memory;

    /// <summary>How many calls reached the VMM. An instruction that faults does not.</summary>
    public long Calls => Interlocked.Read(ref _calls);

    internal FakeVmmState State => _state;

    /// <summary>Registers a function, or replaces the handler of one that exists. A new name takes the lowest free number.</summary>
    /// <param name="name">Its name: 1 to 255 bytes of UTF-8 without NUL.</param>
    /// <param name="handler">Reads and writes the caller's registers and memory. It may run on several threads at once.</param>
    /// <returns>This machine.</returns>
    /// <exception cref="ArgumentException">The name is none, or is <c>get_vmmcall_number</c>, which is function 0.</exception>
    /// <exception cref="InvalidOperationException">All 127 numbers are taken.</exception>
    public FakeVmm On(string name, Action<FakeCall> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        lock (_gate)
        {
            _state = _state with { Functions = _state.Functions.With(name, handler) };
        }

        return this;
    }

    /// <summary>Removes a function: its name is not found any more, and its number gives RAX = 0 until another function takes it.</summary>
    /// <param name="name">Its name; one that is not registered changes nothing.</param>
    /// <returns>This machine.</returns>
    /// <exception cref="ArgumentException">The name is none, or is <c>get_vmmcall_number</c>, which is function 0.</exception>
    public FakeVmm Remove(string name)
    {
        lock (_gate)
        {
            _state = _state with { Functions = _state.Functions.Without(name) };
        }

        return this;
    }

    /// <summary>
    /// The way down by an instruction of the caller's choice, which need not be the CPU's. The wrong one raises what it raises on such a
    /// machine: #UD; under KVM #GP on AMD, and a #PF on the instruction's own bytes on Intel.
    /// </summary>
    /// <param name="instruction">The instruction; its bytes decide.</param>
    public IHypercallChannel OpenChannel(HypercallInstruction instruction)
    {
        ArgumentNullException.ThrowIfNull(instruction);
        return new FakeChannel(this, instruction);
    }

    /// <summary>The way down for the guest's kernel: functions see <see cref="FakeCall.Cpl"/> 0.</summary>
    public IHypercallChannel OpenKernelChannel() => new FakeChannel(this, Target.Instruction, cpl: 0);

    /// <summary>
    /// For the data of a test: the program said that it was successful, and it was not (<see cref="FakeOracle.DataLost"/>). Ends the run.
    /// </summary>
    /// <param name="message">What was lost.</param>
    /// <exception cref="DataLostException">Always.</exception>
    [DoesNotReturn]
    public void ReportDataLost(string message)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(message);
        _run.Fail(FakeActor.Guest, "reports success, and the data did not arrive", message, static (text, story) => new DataLostException(text, story));
    }

    internal HypercallTarget SelectTarget(HypercallOptions? options) => HypercallTarget.Select(_state.Cpu, FakeProvider.All, options);

    /// <summary>One instruction, from its entry to what the guest gets back.</summary>
    /// <param name="state">The VMM.</param>
    /// <param name="instruction">The instruction, for the story.</param>
    /// <param name="cpl">The privilege level of the caller.</param>
    /// <param name="registers">The registers.</param>
    /// <param name="fault">The fault that the instruction itself raises here; null if it reaches the VMM.</param>
    /// <returns>The fault that it raises after all, with an address for a #PF; null if it completed.</returns>
    internal CpuFault? Run(FakeVmmState state, HypercallInstruction instruction, int cpl, ref HypercallRegisters registers, CpuFault? fault)
    {
        _run.ThrowIfFailed();
        FakeCallState call = new(_run.NextCall(), in registers, cpl);
        FakeHand hand = FakeHand.Argument(registers.Rbx);
        if (_run.IsRecording)
        {
            _run.Tell(FakeActor.Guest, string.Create(CultureInfo.InvariantCulture,
                $"call {call.Number}: {instruction.Mnemonic} RAX={registers.Rax} ({NameOf(state, registers.Rax)}) RBX=0x{registers.Rbx:x} RCX=0x{registers.Rcx:x} RDX=0x{registers.Rdx:x}"));
        }

        _view.EnterCall();
        try
        {
            _run.CallStep(FakeMomentKind.BeforeEntry, call, hand);
            if (fault is null && call.Verdict is null)
            {
                fault = Handle(state, call, ref registers);
            }

            _run.CallStep(FakeMomentKind.BeforeReturn, call, hand);
            fault ??= Conclude(state, call, ref registers);
        }
        finally
        {
            _view.LeaveCall();
        }

        if (_run.IsRecording)
        {
            _run.Tell(FakeActor.Vmm, fault is { } raised
                ? $"call {call.Number} ends in {raised.Mnemonic}"
                : string.Create(CultureInfo.InvariantCulture, $"returns from call {call.Number}: RAX=0x{registers.Rax:x} RBX=0x{registers.Rbx:x} RCX=0x{registers.Rcx:x}"));
        }

        _run.CallStep(FakeMomentKind.AfterReturn, call, hand);
        return fault;
    }

    /// <summary>Lets the VMM's function run, again and again as long as it injects a #PF that the guest's kernel can resolve.</summary>
    private CpuFault? Handle(FakeVmmState state, FakeCallState call, ref HypercallRegisters registers)
    {
        ulong last = 0;
        for (int attempts = 0; ; attempts++)
        {
            registers = call.Entry;
            call.Written = 0;
            _ = Interlocked.Increment(ref _calls);
            Answer(state, call, ref registers);
            if (call.Injected is not { } injected)
            {
                return null;
            }

            registers = call.Entry;
            call.Injected = null;
            bool isWrite = injected.ErrorCode.HasFlag(PageFaultErrorCode.Write);
            attempts = injected.Address == last ? attempts : 0;
            last = injected.Address;
            bool resolved;
            lock (_run.Gate)
            {
                _run.Tell(FakeActor.Vmm, _run.IsRecording ? $"injects #PF for 0x{injected.Address:x}, error code 0x{(ulong)injected.ErrorCode:x}: the instruction runs again" : "");
                resolved = attempts < MaxInjectionsOfOnePage && _kernel.TryResolve(injected.Address, isWrite);
            }

            if (!resolved)
            {
                return new CpuFault(CpuFaultKind.PageFault) { Address = new GuestVirtualAddress(injected.Address), ErrorCode = (ulong)injected.ErrorCode };
            }
        }
    }

    private void Answer(FakeVmmState state, FakeCallState current, ref HypercallRegisters registers)
    {
        switch (state.Personality)
        {
            case FakeVmmPersonality.BitVisor when registers.Rax == 0:
                registers.Rax = LookUp(state.Functions, new FakeCall(FakeFunctions.GetVmmcallNumber, in registers, current.Cpl, _view, current));
                break;
            case FakeVmmPersonality.BitVisor when state.Functions.Find(registers.Rax) is { } function:
                FakeCall call = new(function.Name, in registers, current.Cpl, _view, current);
                function.Handler(call);
                registers = call.Registers;
                break;
            case FakeVmmPersonality.BitVisor:
                registers.Rax = 0;
                break;
            case FakeVmmPersonality.Kvm:
                registers.Rax = unchecked((ulong)-1L); // -KVM_EPERM: Linux, arch/x86/kvm/x86.c, kvm_emulate_hypercall
                break;
        }
    }

    /// <summary>What a planned fault makes of the answer.</summary>
    private static CpuFault? Conclude(FakeVmmState state, FakeCallState call, ref HypercallRegisters registers)
    {
        if (call.Verdict is { } verdict)
        {
            registers = call.Entry;
            switch (verdict.Kind)
            {
                case FakeFaultKind.RefuseForeign:
                    registers.Rax = verdict.Value;
                    return null;
                case FakeFaultKind.InvalidOpcode:
                    return new CpuFault(CpuFaultKind.InvalidOpcode);
                case FakeFaultKind.GeneralProtection:
                    return new CpuFault(CpuFaultKind.GeneralProtection);
                case FakeFaultKind.PageFault:
                    return new CpuFault(CpuFaultKind.PageFault) { Address = new GuestVirtualAddress(registers.Rbx), ErrorCode = (ulong)PageFaultErrorCode.User };
                default:
                    return null; // refused, or the name lost: RAX is as it was, 0 for a look-up
            }
        }

        if (call.Clobbers && registers.Rax != call.Entry.Rax && state.Personality == FakeVmmPersonality.BitVisor)
        {
            Clobber(call, ref registers);
        }

        return null;
    }

    // Only of a function that did its work: one that refused wrote nothing. RAX and what it wrote are its answer.
    private static void Clobber(FakeCallState call, ref HypercallRegisters registers)
    {
        ReadOnlySpan<GeneralRegister> arguments = [GeneralRegister.Rbx, GeneralRegister.Rcx, GeneralRegister.Rdx, GeneralRegister.Rsi, GeneralRegister.Rdi];
        HypercallRegisters entry = call.Entry;
        foreach (GeneralRegister register in arguments)
        {
            // One that was written with the value that it had is an answer, too.
            if (registers[register] == entry[register] && (call.Written & (1u << (int)register)) == 0)
            {
                registers[register] = 0xC10B_BE4E_D000_0000 + (ulong)register;
            }
        }
    }

    private void CallFromSecondCpu(FakeCallState call)
    {
        HypercallRegisters registers = new() { Rax = call.Entry.Rax };
        Answer(_state, new FakeCallState(call.Number, in registers, call.Cpl, isNested: true), ref registers);
    }

    private static string NameOf(FakeVmmState state, ulong number) =>
        number == 0 ? FakeFunctions.GetVmmcallNumber : state.Functions.Find(number)?.Name ?? "no function";

    private static FakeVmmPersonality Checked(FakeVmmPersonality personality) => Enum.IsDefined(personality)
        ? personality
        : throw new ArgumentOutOfRangeException(nameof(personality), personality, "This is no personality of the fake VMM.");

    private static ulong LookUp(FakeFunctions functions, FakeCall call)
    {
        GuestVirtualAddress address = new(call.Rbx);
        Span<byte> bytes = stackalloc byte[FakeFunctions.MaxNameBytes];
        int length = 0;
        while (length < bytes.Length)
        {
            // Page by page: what lies behind the NUL must not be walked, for the next page may be absent.
            int inPage = Math.Min(bytes.Length - length, GuestPage.Size - address.PageOffset);
            Span<byte> chunk = bytes.Slice(length, inPage);
            if (!call.TryReadVirtual(address, chunk, out _))
            {
                return 0;
            }

            int nul = chunk.IndexOf((byte)0);
            if (nul >= 0)
            {
                return (ulong)functions.Find(bytes[..(length + nul)]);
            }

            length += inPage;
            address = new GuestVirtualAddress(unchecked(address.Value + (ulong)inPage));
        }

        return 0;
    }
}
