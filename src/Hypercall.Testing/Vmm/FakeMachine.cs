using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace Hypercall.Testing;

/// <summary>
/// A machine with a VMM that exists only in this process: a CPU, a guest's memory, and functions that a test writes. A program
/// that calls a VMM runs on it unchanged, on any operating system and CPU.
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
/// Functions may be registered, replaced and removed, and the personality and the CPU changed, at any time and from any thread. A
/// call sees all of a change or nothing of it.
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
    private volatile BareState? _bare;

    /// <summary>
    /// Makes a machine on an AMD CPU with a VMM like BitVisor, with the functions that every build of it has: <c>boot</c>,
    /// <c>loadcfg</c>, <c>loadcfg64</c>.
    /// </summary>
    public FakeMachine()
        : this(new FakeMachineOptions())
    {
    }

    /// <summary>Makes a machine with a VMM of a kind, on a CPU that it runs on.</summary>
    /// <param name="personality">How the VMM behaves.</param>
    public FakeMachine(FakeVmmPersonality personality)
        : this(new FakeMachineOptions { Personality = personality })
    {
    }

    /// <summary>
    /// Makes the machine that the options describe. Where its VMM finds names, it has the functions that every build of BitVisor
    /// has: <c>boot</c>, <c>loadcfg</c>, <c>loadcfg64</c>.
    /// </summary>
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
        if (options.Cpl is not (0 or 3))
        {
            throw new ArgumentOutOfRangeException(
                nameof(options), options.Cpl, "A program runs at privilege level 3, a kernel at 0.");
        }

        if (options.VmmCpus?.Any(cpu => cpu < 0 || cpu >= options.Cpus) == true)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options), string.Join(", ", options.VmmCpus), $"The guest has the CPUs 0 to {options.Cpus - 1}.");
        }

        const FakeWays all = FakeWays.Instruction | FakeWays.Port | FakeWays.Kernel | FakeWays.Cpuid | FakeWays.PortOut;
        if ((options.Ways & ~all) != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.Ways, "There is no such way down.");
        }

        if (!Enum.IsDefined(options.Paging))
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.Paging, "Long mode has 4 or 5 levels of page tables.");
        }

        Options = options;
        _providers = [.. FakeProvider.Of(this, options)];
        _loggers = loggers;
        _meters = meters;
        _run = new FakeRun(options);
        FakeKernel kernel = new(_run, options);
        FakeLimits limits = new(options);
        FakeClock clock = new(_run, new FakeFaultInjector(_run, kernel, limits, options), options);
        _cpu = new FakeCpu(_run, clock, kernel, new FakeVmmMemory(_run, clock, kernel, options));
        Memory = new FakeGuestMemory(_run, clock, kernel, limits);
        CpuIdentity cpu = options.Cpu is { } chosen
            ? FakeCpuid.Checked(chosen)
            : FakeMachineState.DefaultCpu(options.Personality);
        _state = new FakeMachineState(options.Personality, cpu, CpuIsChosen: options.Cpu is not null, FakeFunctions.OfEveryBuild);
        Cpuid = new FakeCpuid(this);
        Signs = new FakeSigns(this);
        HasPortPermission = options.HasPortPermission;
    }

    /// <summary>What the machine was made from.</summary>
    public FakeMachineOptions Options { get; }

    /// <summary>What happened so far; empty unless the machine records (<see cref="FakeMachineOptions.Record"/>).</summary>
    public FakeTrace Trace => _run.Trace;

    /// <summary>
    /// Which oracle spoke: it ended the run. Null as long as none did. A test looks here when the program may have swallowed the
    /// exception.
    /// </summary>
    public FakeMachineException? Failure => _run.Failure;

    /// <summary>The faults of the plan whose injection point came, and what became of them, in their order.</summary>
    public IReadOnlyList<FakeFaultOccurrence> FaultOccurrences => _run.FaultOccurrences;

    /// <summary>
    /// How the VMM behaves. As long as <see cref="Cpu"/> was not set, it follows: KVM sets the hypervisor bit, BitVisor does not,
    /// and ACRN runs on Intel's.
    /// </summary>
    public FakeVmmPersonality Personality
    {
        get => _state.Personality;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            lock (_gate)
            {
                CpuIdentity cpu = _state.CpuIsChosen ? _state.Cpu : FakeMachineState.DefaultCpu(value);
                _channel = cpu.Vendor == _state.Cpu.Vendor ? _channel : null;
                _state = new FakeMachineState(value, cpu, _state.CpuIsChosen, _state.Functions);
            }
        }
    }

    /// <summary>
    /// Whether the guest's kernel lets the program execute IN and OUT (ioperm, iopl): without it they raise #GP, as the CPU does.
    /// The kernel itself needs no permission.
    /// </summary>
    public bool HasPortPermission { get; set; }

    /// <summary>
    /// The CPU, as <see cref="Cpuid"/> tells it. Its vendor decides which instruction reaches the VMM: VMCALL or VMMCALL; on a
    /// vendor that has neither, whichever one is forced. A <see cref="CpuIdentity.MaxLeaf"/> of 0 becomes 1, for without leaf 1
    /// there is no hypervisor bit.
    /// </summary>
    /// <exception cref="ArgumentException">CPUID could not tell the identity: the vendor has other than 12 characters, or a text
    /// is too long.</exception>
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

    /// <summary>
    /// What a program sees of what is under its guest: CPUID; the files of <see cref="FakeMachineOptions.Files"/> and of the
    /// personality; and under Xen's PV the CPUID that it emulates.
    /// </summary>
    public IHypervisorSigns Signs { get; }

    /// <summary>All ways down that it has (<see cref="FakeMachineOptions.Ways"/>), whether they can be used or not.</summary>
    public IReadOnlyList<IHypercallProvider> Providers => _providers;

    /// <inheritdoc/>
    public HypercallTarget Target => SelectTarget(null);

    /// <inheritdoc/>
    public IHypercallChannel Channel
    {
        get
        {
            lock (_gate)
            {
                return _channel ??= Open((FakeProvider)Target.Provider, cpu: 0);
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

    /// <summary>
    /// Registers a function that is found by its name, or replaces the handler of one that exists. A new name takes the lowest
    /// free number. Only a VMM that finds names serves it (<see cref="FakeVmmPersonality.FindsNames"/>).
    /// </summary>
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

    /// <summary>
    /// Registers a function that is called by a number, or replaces its handler. A call is taken for one of a convention when the
    /// convention's constants are in its registers. Where more than one convention knows it, the one with more constants counts,
    /// and then the one that was registered first; a function that has a name comes last. By CPUID the VMM serves conventions
    /// that fix bits of EAX alone (RAX[31:0] or some of it), the leaf; by IN and OUT those that fix RDX[15:0], the port.
    /// </summary>
    /// <param name="convention">The convention.</param>
    /// <param name="number">The number, as far as the convention's field holds it.</param>
    /// <param name="handler">Reads and writes the caller's registers and memory. It may run on several threads at once.</param>
    /// <returns>This machine.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The number does not fit the convention's field.</exception>
    public FakeMachine On(HypercallConvention convention, ulong number, Action<FakeCall> handler)
    {
        ArgumentNullException.ThrowIfNull(convention);
        ArgumentNullException.ThrowIfNull(handler);
        lock (_gate)
        {
            _state = _state with { Functions = _state.Functions.With(convention, number, handler) };
        }

        return this;
    }

    /// <summary>Removes a function that is called by a number.</summary>
    /// <param name="convention">The convention.</param>
    /// <param name="number">The number; one that is not registered changes nothing.</param>
    /// <returns>This machine.</returns>
    public FakeMachine Remove(HypercallConvention convention, ulong number)
    {
        ArgumentNullException.ThrowIfNull(convention);
        lock (_gate)
        {
            _state = _state with { Functions = _state.Functions.Without(convention, number) };
        }

        return this;
    }

    /// <summary>
    /// Removes a function: its name is not found any more, and its number gives RAX = 0 until another function takes it.
    /// </summary>
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
    /// The way down by an instruction of the caller's choice, which need not be the CPU's: VMCALL, VMMCALL, CPUID, or IN and OUT
    /// by DX. The wrong one raises what it raises on such a machine: #UD; under KVM #GP on AMD, and a #PF on the instruction's
    /// own bytes on Intel.
    /// </summary>
    /// <param name="instruction">The instruction; its bytes decide.</param>
    public IHypercallChannel OpenChannel(HypercallInstruction instruction)
    {
        ArgumentNullException.ThrowIfNull(instruction);
        return Open(ProviderOf(instruction), instruction, Options.Cpl, cpu: 0);
    }

    /// <summary>The way down for the guest's kernel: functions see <see cref="FakeCall.Cpl"/> 0.</summary>
    public IHypercallChannel OpenKernelChannel() => OpenKernel(cpu: 0);

    /// <summary>
    /// The same machine, with each call made on one CPU: <see cref="FakeMachineOptions.VmmCpus"/> says on which of them the
    /// VMM is.
    /// </summary>
    /// <param name="cpu">The CPU's number, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="cpu"/> is negative.</exception>
    /// <exception cref="HypercallRefusedException">There is no such CPU (<see cref="FakeMachineOptions.Cpus"/>).</exception>
    public IHypercallMachine OnCpu(int cpu) =>
        new FakeMachineView(this, new FakeTargets(this, [], options: null), CheckedCpu(cpu));

    /// <summary>
    /// For the data of a test: the program said that it was successful, and it was not (<see cref="FakeOracle.DataLost"/>). Ends
    /// the run.
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
            // CPUID is read leaf by leaf: of one CPU
            FakeProvider[] cpus = options?.Provider is null
                ? [.. _providers.Where(provider => provider.Probe(Cpuid).IsCpusChoice)]
                : [];
            return HypercallTarget.Select(Cpuid, cpus.Length == 0 ? _providers : cpus, options);
        }
    }

    // A machine may be asked for an instruction that is none of its ways.
    private FakeProvider ProviderOf(HypercallInstruction instruction) =>
        Array.Find(_providers, provider => provider.IsBy(instruction)) ?? new FakeProvider(this, "none", instruction);

    internal int CheckedCpu(int cpu)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(cpu);
        return cpu < Options.Cpus
            ? cpu
            : throw new HypercallRefusedException(new ChannelRefusal(
                $"CPU {cpu}",
                $"the fake guest has the CPUs 0 to {Options.Cpus - 1}",
                "Name one of them, or make the fake machine with more."));
    }

    /// <summary>A way, on one CPU.</summary>
    internal IHypercallChannel Open(FakeProvider way, int cpu) =>
        way.Instruction is { } instruction ? Open(way, instruction, Options.Cpl, cpu) : OpenKernel(cpu);

    // The kernel executes the CPU's own instruction, whatever the program's way is.
    private IHypercallChannel OpenKernel(int cpu)
    {
        HypercallInstruction instruction = State.Vendor?.Instruction ?? Target.Instruction ?? FakeVendor.Intel.Instruction;
        return Open(ProviderOf(instruction), instruction, cpl: 0, cpu);
    }

    private IHypercallChannel Open(FakeProvider way, HypercallInstruction instruction, int cpl, int cpu) =>
        new FakeChannel(this, way, instruction, cpl, cpu).Observe(_loggers, _meters);

    /// <summary>The VMM as it is on a CPU: on one that it has not taken over there is none.</summary>
    internal FakeMachineState StateOn(int cpu)
    {
        FakeMachineState state = _state;
        if (Options.VmmCpus is not { } taken || taken.Contains(cpu))
        {
            return state;
        }

        BareState? bare = _bare;
        if (bare is null || !ReferenceEquals(bare.Of, state))
        {
            _bare = bare = new BareState(
                state, state with { Personality = FakeVmmPersonality.None, Functions = FakeFunctions.Empty });
        }

        return bare.Bare;
    }

    /// <summary>One instruction, from its entry to what the guest gets back.</summary>
    internal StrongBox<CpuFault>? Run(FakeMachineState state, FakeExit exit, ref HypercallRegisters registers) =>
        _cpu.Run(state, exit, HasPortPermission, ref registers);

    private sealed class BareState(FakeMachineState of, FakeMachineState bare)
    {
        public FakeMachineState Of => of;

        public FakeMachineState Bare => bare;
    }
}
