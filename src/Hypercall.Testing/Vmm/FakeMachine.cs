using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

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
/// FakeMachine fake = new FakeMachine().On("foo", call => call.Rax = call.Rbx + call.Rcx);
/// ulong sum = new BitVisorClient(fake).GetFunction("foo").Call(1, 2).Rax;      // 3
/// </code>
/// </example>
public sealed class FakeMachine : IHypercallMachine
{
    private readonly FakeProvider[] _providers;
    private readonly object _gate = new();
    private readonly FakeRun _run;
    private readonly FakeCpu _cpu;
    private volatile FakeMachineState _state;
    private readonly ILoggerFactory? _loggers;
    private readonly IMeterFactory? _meters;
    private IHypercallChannel? _channel;

    /// <summary>Makes a machine on an AMD CPU with a VMM like BitVisor, with the functions that every build of it has: <c>boot</c>, <c>loadcfg</c>, <c>loadcfg64</c>.</summary>
    public FakeMachine()
        : this(new FakeMachineOptions())
    {
    }

    /// <summary>Makes a machine on an AMD CPU, with the functions that every build of BitVisor has: <c>boot</c>, <c>loadcfg</c>, <c>loadcfg64</c>.</summary>
    /// <param name="personality">How the VMM behaves.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="personality"/> is none.</exception>
    public FakeMachine(FakeVmmPersonality personality)
        : this(new FakeMachineOptions { Personality = personality })
    {
    }

    /// <summary>Makes the machine that the options describe, with the functions that every build of BitVisor has: <c>boot</c>, <c>loadcfg</c>, <c>loadcfg64</c>.</summary>
    /// <param name="options">The machine as data.</param>
    /// <exception cref="ArgumentException">The options describe no machine.</exception>
    public FakeMachine(FakeMachineOptions options)
        : this(options, null, null)
    {
    }

    internal FakeMachine(FakeMachineOptions options, ILoggerFactory? loggers, IMeterFactory? meters)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Cpus, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.StepBudget, nameof(options));
        if (!Enum.IsDefined(options.Paging))
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.Paging, "Long mode has 4 or 5 levels of page tables.");
        }

        Options = options;
        _providers = [.. FakeVendor.All.Select(vendor => new FakeProvider(this, vendor))];
        _loggers = loggers;
        _meters = meters;
        _run = new FakeRun(options);
        FakeKernel kernel = new(_run, options);
        _cpu = new FakeCpu(_run, kernel, new FakeVmmMemory(_run, kernel, options));
        Memory = new FakeGuestMemory(_run, kernel, options);
        _run.FaultInjector = new FakeFaultInjector(_run, kernel, Memory, options);
        _run.SecondCall = call => _cpu.CallFromSecond(State, call);

        // After boot these refuse, and a refusal is RAX unchanged.
        FakeFunctions functions = FakeFunctions.Empty.With("boot", Refuse).With("loadcfg", Refuse).With("loadcfg64", Refuse);
        CpuIdentity cpu = options.Cpu is { } chosen ? FakeCpuid.Checked(chosen) : FakeMachineState.DefaultCpu(Checked(options.Personality));
        _state = new FakeMachineState(Checked(options.Personality), cpu, CpuIsChosen: options.Cpu is not null, functions);
        Cpuid = new FakeCpuid(this);

        static void Refuse(FakeCall call)
        {
        }
    }

    /// <summary>What the machine was made from.</summary>
    public FakeMachineOptions Options { get; }

    /// <summary>What happened so far; empty unless the machine records (<see cref="FakeMachineOptions.Record"/>).</summary>
    public FakeTrace Trace => _run.Trace;

    /// <summary>Which oracle spoke: it ended the run. Null as long as none did. A test looks here when the program may have swallowed the exception.</summary>
    public FakeMachineException? Failure => _run.Failure;

    /// <summary>The faults of the plan whose injection point came, and what became of them, in their order.</summary>
    public IReadOnlyList<FakeFaultOccurrence> FaultOccurrences => _run.FaultOccurrences;

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
                CpuIdentity cpu = _state.CpuIsChosen ? _state.Cpu : FakeMachineState.DefaultCpu(personality);
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
                _state = new FakeMachineState(_state.Personality, cpu, CpuIsChosen: true, _state.Functions);
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
                return _channel ??= Observe(new FakeChannel(this, Target.Instruction!));
            }
        }
    }

    /// <summary>The guest's memory, with what a test can do to it.</summary>
    public FakeGuestMemory Memory { get; }

    /// <inheritdoc/>
    IGuestMemory IHypercallMachine.Memory => Memory;

    /// <summary>How many calls reached the VMM. An instruction that faults does not.</summary>
    public long Calls => _cpu.Calls;

    internal FakeMachineState State => _state;

    /// <summary>Registers a function, or replaces the handler of one that exists. A new name takes the lowest free number.</summary>
    /// <param name="name">Its name: 1 to 255 bytes of UTF-8 without NUL.</param>
    /// <param name="handler">Reads and writes the caller's registers and memory. It may run on several threads at once.</param>
    /// <returns>This machine.</returns>
    /// <exception cref="ArgumentException">The name is none, or is <c>get_vmmcall_number</c>, which is function 0.</exception>
    /// <exception cref="InvalidOperationException">All 127 numbers are taken.</exception>
    public FakeMachine On(string name, Action<FakeCall> handler)
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
    public FakeMachine Remove(string name)
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
        return Observe(new FakeChannel(this, instruction));
    }

    /// <summary>The way down for the guest's kernel: functions see <see cref="FakeCall.Cpl"/> 0.</summary>
    public IHypercallChannel OpenKernelChannel() => Observe(new FakeChannel(this, Target.Instruction!, cpl: 0));

    /// <summary>
    /// For the data of a test: the program said that it was successful, and it was not (<see cref="FakeOracle.DataLost"/>). Ends the run.
    /// </summary>
    /// <param name="message">What was lost.</param>
    /// <exception cref="FakeMachineException"><see cref="FakeOracle.DataLost"/>: always.</exception>
    [DoesNotReturn]
    public void ReportDataLost(string message)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(message);
        _run.Fail(FakeOracle.DataLost, FakeActor.Guest, "reports success, and the data did not arrive", message);
    }

    internal HypercallTarget SelectTarget(HypercallOptions? options)
    {
        lock (_gate)
        {
            return HypercallTarget.Select(Cpuid, _providers, options); // CPUID is read leaf by leaf: of one CPU
        }
    }

    internal FakeProvider? ProviderOf(FakeVendor? vendor) => Array.Find(_providers, provider => ReferenceEquals(provider.Vendor, vendor));

    /// <summary>One instruction, from its entry to what the guest gets back.</summary>
    internal CpuFault? Run(FakeMachineState state, HypercallInstruction instruction, int cpl, ref HypercallRegisters registers, CpuFault? fault) =>
        _cpu.Run(state, instruction, cpl, ref registers, fault);

    private IHypercallChannel Observe(FakeChannel channel) => channel.Observe(_loggers, _meters);

    private static FakeVmmPersonality Checked(FakeVmmPersonality personality) => Enum.IsDefined(personality)
        ? personality
        : throw new ArgumentOutOfRangeException(nameof(personality), personality, "This is no personality of the fake VMM.");
}
