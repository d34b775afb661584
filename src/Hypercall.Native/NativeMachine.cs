using System.Diagnostics.Metrics;
using Hypercall.Native.Diagnostics;
using Hypercall.Native.Execution;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hypercall.Native;

/// <summary>
/// The machine under this process: its CPU, its memory, and hypercalls that leave the guest for real.
/// </summary>
/// <remarks>
/// <para>
/// A CPU fault on the hypercall instruction is a result, never a dead process. For that, making the first channel installs a
/// handler for SIGILL, SIGSEGV and SIGBUS (a vectored exception handler on Windows) that looks at the faulting address, keeps
/// what is its own, and leads everything else to where it went before. It stays until the process ends. All copies of this
/// library in a runtime have one handler together.
/// </para>
/// <para>
/// Somebody else may take that handler away later. It is looked for when a channel is made, and again during calls once 100 ms
/// have passed since the last look: a call that faults in between ends the process. Many frames at once
/// (<see cref="HypercallChannelExtensions.TryInvokeAll"/>) have one look for 256 of them.
/// </para>
/// <para>
/// A thread that blocks SIGILL, SIGSEGV or SIGBUS would die of a fault. So the first call of a thread unblocks the three on that
/// thread, and they stay unblocked; a thread that blocks them later is looked after once 100 ms have passed. Where that is not
/// allowed, the call throws a <see cref="PlatformNotSupportedException"/> before the instruction. So it does where the handler
/// cannot be put back.
/// </para>
/// <para>
/// On Windows, hardware-enforced stack protection (CET shadow stacks) does not let any handler send a thread to an address that
/// is not on its shadow stack: where the CPU has it and the program's executable is marked CETCOMPAT, which .NET 9 and later do,
/// a fault would end the process with 0xC0000409. So <see cref="Channel"/> is refused there with a
/// <see cref="PlatformNotSupportedException"/>; build such a program with <c>&lt;CETCompat&gt;false&lt;/CETCompat&gt;</c>. This
/// is known from others who do the same (dotnet/runtime issue 107651), and was not tried on such a CPU.
/// </para>
/// <para>
/// What a channel has to itself ends when the machine is disposed: the thread that has a permission for a port
/// (<see cref="PortProvider"/>), or a CPU (<see cref="OnCpu"/>). Dispose waits for such a thread, unless a call is in the VMM:
/// that call returns to its caller, and the thread ends then. A call on such a channel from then on throws an
/// <see cref="ObjectDisposedException"/>; the channel of an instruction alone has nothing that could end. A program that ends
/// without Dispose ends. Such a channel makes one call at a time: one that the VMM does not return from holds up all others.
/// </para>
/// <para>All members may be used from any number of threads.</para>
/// </remarks>
/// <example>
/// <code>
/// NativeMachine machine = new([new IntelProvider(), new AmdProvider()]);
/// HypercallRegisters registers = new() { Rax = 1 };
/// HypercallStatus status = machine.Channel.TryInvoke(ref registers);
/// </code>
/// </example>
public sealed class NativeMachine : IHypercallMachine, IDisposable
{
    private readonly IHypercallProvider[] _providers;
    private readonly HypercallOptions _options;
    private readonly ILoggerFactory _loggerFactory;
    private readonly IMeterFactory? _meterFactory;
    private readonly NativePlatform _platform;
    private readonly ICpuControl? _cpuControl;
    private readonly Lock _gate = new();
    private HypercallTarget? _target;
    private IHypercallChannel? _channel;
    private IGuestMemory? _memory;
    private readonly List<IDisposable> _owned = [];
    private readonly Dictionary<int, OneCpu> _cpus = [];
    private bool _isDisposed;

    /// <summary>Describes the machine. Nothing is executed, allocated or installed before it is asked for.</summary>
    /// <param name="providers">The providers; exactly one must be usable here, unless the options name one.</param>
    /// <param name="options">How to make hypercalls; null for the defaults.</param>
    /// <param name="loggerFactory">Where to log; null for nowhere.</param>
    /// <param name="meterFactory">Whose meter <c>Hypercall</c> to count on; null for the process's own.</param>
    public NativeMachine(
        IEnumerable<IHypercallProvider> providers,
        HypercallOptions? options = null,
        ILoggerFactory? loggerFactory = null,
        IMeterFactory? meterFactory = null)
        : this(
            providers,
            options,
            loggerFactory,
            meterFactory,
            new NativeCpuid(),
            NativePlatform.Current,
            OperatingSystem.IsLinux() ? new LinuxCpus() : null)
    {
    }

    internal NativeMachine(
        IEnumerable<IHypercallProvider> providers,
        HypercallOptions? options,
        ILoggerFactory? loggerFactory,
        IMeterFactory? meterFactory,
        ICpuid cpuid,
        NativePlatform platform,
        ICpuControl? cpuControl = null)
    {
        ArgumentNullException.ThrowIfNull(providers);
        _providers = [.. providers];
        _options = options ?? new HypercallOptions();
        _loggerFactory = loggerFactory ?? NullLoggerFactory.Instance;
        _meterFactory = meterFactory;
        _platform = platform;
        _cpuControl = cpuControl;
        Cpuid = cpuid;
    }

    /// <inheritdoc/>
    public ICpuid Cpuid { get; }

    /// <inheritdoc/>
    /// <remarks>
    /// <see cref="IHypervisorSigns.TryGetForcedCpuid"/> executes an instruction that raises #UD nearly everywhere, through the
    /// same guard as a hypercall. Files are those of Linux; on Windows there are none.
    /// </remarks>
    public IHypervisorSigns Signs => field ??= new NativeHypervisorSigns(Cpuid);

    /// <inheritdoc/>
    public IReadOnlyList<IHypercallProvider> Providers => _providers;

    /// <inheritdoc/>
    /// <exception cref="PlatformNotSupportedException">This process does not run on an x86 CPU.</exception>
    public HypercallTarget Target
    {
        get
        {
            lock (_gate)
            {
                return _target ??= HypercallTarget.Select(Cpuid, _providers, _options);
            }
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ExecutableMemoryException">The system refuses executable memory.</exception>
    /// <exception cref="PlatformNotSupportedException">Faults cannot be caught here: sigaction is refused, or somebody answers it
    /// and installs nothing.</exception>
    /// <exception cref="ObjectDisposedException">The machine was disposed, and had made no channel before.</exception>
    public IHypercallChannel Channel
    {
        get
        {
            lock (_gate)
            {
                return _channel ??= CreateChannel();
            }
        }
    }

    /// <inheritdoc/>
    public IGuestMemory Memory
    {
        get
        {
            lock (_gate)
            {
                return _memory ??= new NativeGuestMemory(_loggerFactory.CreateLogger<NativeGuestMemory>());
            }
        }
    }

    /// <summary>
    /// The same machine, with each call made on one CPU of the guest, by a thread of the channel's own that has no other CPU, and
    /// one call at a time. On Linux. The same CPU gives the same machine; its memory is this one's, its CPUID that CPU's.
    /// </summary>
    /// <param name="cpu">The CPU's number, from 0, as in <c>/sys/devices/system/cpu</c>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="cpu"/> is negative.</exception>
    /// <exception cref="HypercallRefusedException">There is no such CPU, or it is offline, or this process may not run there.
    /// Where that becomes so later, calls are refused (<see cref="HypercallStatus.Refusal"/>).</exception>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    /// <exception cref="ObjectDisposedException">The machine was disposed.</exception>
    public IHypercallMachine OnCpu(int cpu)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(cpu);
        if (_cpuControl is null)
        {
            throw new PlatformNotSupportedException(
                "Calls are bound to a CPU on Linux only. Make the call without OnCpu: it goes out on whichever CPU the thread "
                + "runs.");
        }

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_cpus.TryGetValue(cpu, out OneCpu? known))
            {
                return known;
            }

            if (new CpuAffinity(cpu, _cpuControl).Check() is { } refusal)
            {
                throw new HypercallRefusedException(refusal);
            }

            BoundCpuid cpuid = new($"hypercall CPUID on CPU {cpu}", Cpuid, new CpuAffinity(cpu, _cpuControl));
            _owned.Add(cpuid);
            return _cpus[cpu] = new OneCpu(this, cpu, cpuid);
        }
    }

    /// <summary>Ends what its channels have to themselves: see the remarks.</summary>
    public void Dispose()
    {
        IDisposable[] owned;
        lock (_gate)
        {
            _isDisposed = true;
            owned = [.. _owned];
            _owned.Clear();
        }

        foreach (IDisposable one in owned)
        {
            one.Dispose();
        }
    }

    private IHypercallChannel CreateChannel(int? cpu = null)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _platform.Demand();
        HypercallTarget target = Target;
        ILogger logger = _loggerFactory.CreateLogger<NativeMachine>();
        NativeLog.WayChosen(logger, target.Way, target.Cpu.Vendor, target.ProviderName);
        IHypercallChannel channel = Open(target, cpu);
        HypercallTarget? other = _options.TryOtherInstruction ? target.Alternatives(_providers.Where(IsVendors)).FirstOrDefault() : null;
        IHypercallChannel all = other is null ? channel : new FallbackChannel(channel, Open(other, cpu), target, other, logger);
        return all.Observe(_loggerFactory, _meterFactory);
    }

    // An instruction that any CPU executes, as CPUID is, completes where there is no VMM at all.
    private bool IsVendors(IHypercallProvider provider) => provider.Probe(Cpuid) is { IsUsable: false } or { IsCpusChoice: true };

    private IHypercallChannel Open(HypercallTarget target, int? cpu)
    {
        IHypercallChannel channel = target.Provider.Open(target, _loggerFactory);
        if (cpu is { } one)
        {
            channel = OwnThreadChannel.With(channel, $"hypercall on CPU {one}", new CpuAffinity(one, _cpuControl!));
        }

        if (channel is IDisposable disposable)
        {
            _owned.Add(disposable);
        }

        return channel;
    }

    /// <summary>The machine on one CPU.</summary>
    private sealed class OneCpu(NativeMachine machine, int cpu, ICpuid cpuid) : IHypercallMachine
    {
        private IHypercallChannel? _channel;

        public ICpuid Cpuid => cpuid;

        public HypercallTarget Target => machine.Target;

        public IHypercallChannel Channel
        {
            get
            {
                lock (machine._gate)
                {
                    return _channel ??= machine.CreateChannel(cpu);
                }
            }
        }

        public IHypervisorSigns Signs => machine.Signs;

        public IReadOnlyList<IHypercallProvider> Providers => machine.Providers;

        public IGuestMemory Memory => machine.Memory;

        public IHypercallMachine OnCpu(int cpu) => machine.OnCpu(cpu);
    }
}
