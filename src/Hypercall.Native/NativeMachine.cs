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
/// <para>All members may be used from any number of threads.</para>
/// </remarks>
/// <example>
/// <code>
/// NativeMachine machine = new([new IntelProvider(), new AmdProvider()]);
/// HypercallRegisters registers = new() { Rax = 1 };
/// HypercallStatus status = machine.Channel.TryInvoke(ref registers);
/// </code>
/// </example>
public sealed class NativeMachine : IHypercallMachine
{
    private readonly IHypercallProvider[] _providers;
    private readonly HypercallOptions _options;
    private readonly ILoggerFactory _loggerFactory;
    private readonly IMeterFactory? _meterFactory;
    private readonly NativePlatform _platform;
    private readonly Lock _gate = new();
    private HypercallTarget? _target;
    private IHypercallChannel? _channel;
    private IGuestMemory? _memory;

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
        : this(providers, options, loggerFactory, meterFactory, new NativeCpuid(), NativePlatform.Current)
    {
    }

    internal NativeMachine(
        IEnumerable<IHypercallProvider> providers,
        HypercallOptions? options,
        ILoggerFactory? loggerFactory,
        IMeterFactory? meterFactory,
        ICpuid cpuid,
        NativePlatform platform)
    {
        ArgumentNullException.ThrowIfNull(providers);
        _providers = [.. providers];
        _options = options ?? new HypercallOptions();
        _loggerFactory = loggerFactory ?? NullLoggerFactory.Instance;
        _meterFactory = meterFactory;
        _platform = platform;
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
    public IHypercallChannel Channel
    {
        get
        {
            lock (_gate)
            {
                return _channel ??= CreateChannel().Observe(_loggerFactory, _meterFactory);
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

    private IHypercallChannel CreateChannel()
    {
        _platform.Demand();
        HypercallTarget target = Target;
        ILogger logger = _loggerFactory.CreateLogger<NativeMachine>();
        NativeLog.WayChosen(logger, target.Way, target.Cpu.Vendor, target.ProviderName);
        IHypercallChannel channel = Open(target);
        HypercallTarget? other = _options.TryOtherInstruction ? target.Alternatives(_providers.Where(IsVendors)).FirstOrDefault() : null;
        return other is null ? channel : new FallbackChannel(channel, Open(other), target, other, logger);
    }

    // An instruction that any CPU executes, as CPUID is, completes where there is no VMM at all.
    private bool IsVendors(IHypercallProvider provider) => provider.Probe(Cpuid) is { IsUsable: false } or { IsCpusChoice: true };

    private IHypercallChannel Open(HypercallTarget target) => target.Provider.Open(target, _loggerFactory);
}
