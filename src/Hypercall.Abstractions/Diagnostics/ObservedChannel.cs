using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace Hypercall;

/// <summary>A channel that counts, times and logs what passes through it, as long as anybody listens.</summary>
internal sealed class ObservedChannel : IHypercallChannel, IManyFrames
{
    [ThreadStatic]
    private static MachineMetrics? measured;

    private readonly HypercallMeter _meter;
    private readonly MachineMetrics _machine;
    private readonly ILogger _logger;
    private readonly string? _function;
    private string? _functionTag; // bounded when it is first needed: a function that nobody measures takes no place

    public ObservedChannel(
        IHypercallChannel inner, HypercallMeter meter, MachineMetrics machine, ILogger logger, string? function = null)
    {
        Inner = inner;
        _meter = meter;
        _machine = machine;
        _logger = logger;
        _function = function;
    }

    /// <summary>The channel that nobody observes.</summary>
    public IHypercallChannel Inner { get; }

    public RegisterSet Carries => Inner.Carries;

    public RegisterSet Returns => Inner.Returns;

    public GeneralRegister? NumberRegister => Inner.NumberRegister;

    public IReadOnlyList<KeyValuePair<RegisterField, ulong>> Constants => Inner.Constants;

    private string? FunctionTag => _function is null ? null : _functionTag ??= _meter.Functions.Bound(_function);

    public HypercallStatus TryInvoke(ref HypercallRegisters registers) =>
        _meter.IsListenedTo ? Measure(ref registers) : Invoke(ref registers);

    /// <summary>The same channel for the calls of one function.</summary>
    /// <param name="function">Its name, or its convention and number.</param>
    public ObservedChannel For(string function) => new(Inner, _meter, _machine, _logger, function);

    /// <summary>A call was left behind in the VMM.</summary>
    /// <param name="function">Its function.</param>
    /// <param name="elapsed">How long it has been there.</param>
    /// <param name="leftBehind">How many calls are left behind on this machine, with this one.</param>
    public void LeftBehind(string function, TimeSpan elapsed, int leftBehind)
    {
        _meter.RecordTimeout(_machine, FunctionTag);
        HypercallLog.LeftBehind(_logger, function, elapsed.TotalSeconds, leftBehind);
    }

    /// <summary>A call that was left behind came back.</summary>
    /// <param name="function">Its function.</param>
    /// <param name="elapsed">How long it was in the VMM.</param>
    /// <param name="outcome">How it ended.</param>
    public void CameBackLate(string function, TimeSpan elapsed, string outcome)
    {
        _meter.RecordLateReturn(_machine, FunctionTag);
        HypercallLog.CameBackLate(_logger, function, elapsed.TotalSeconds, outcome);
    }

    /// <summary>In one transition when nobody listens; otherwise each frame is measured.</summary>
    public HypercallStatus TryInvokeAll(Span<HypercallRegisters> frames, out int completed)
    {
        if (_meter.IsListenedTo)
        {
            return this.TryInvokeEach(frames, out completed);
        }

        HypercallStatus status = Inner.TryInvokeAll(frames, out completed);
        if (!status.IsCompleted)
        {
            LogFailure(in status);
        }

        return status;
    }

    private HypercallStatus Invoke(ref HypercallRegisters registers)
    {
        HypercallStatus status = Inner.TryInvoke(ref registers);
        if (!status.IsCompleted)
        {
            LogFailure(in status);
        }

        return status;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private HypercallStatus Measure(ref HypercallRegisters registers)
    {
        // A decorator between two observed channels: what it makes of one call is one call.
        if (measured is not null && measured.Name == _machine.Name)
        {
            return Invoke(ref registers);
        }

        MachineMetrics? outer = measured;
        measured = _machine;
        long began = _meter.Clock.GetTimestamp();
        CallsInFlight.Place place = _machine.InFlight.Enter(began);
        HypercallStatus status;
        try
        {
            status = Invoke(ref registers);
        }
        finally
        {
            place.Leave();
            measured = outer;
        }

        _meter.Record(_machine, FunctionTag, in status, _meter.Clock.GetElapsedTime(began));
        return status;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void LogFailure(in HypercallStatus status)
    {
        if (status.IsRefused)
        {
            HypercallLog.Refused(_logger, status.Refusal);
        }
        else if (_logger.IsEnabled(LogLevel.Debug))
        {
            HypercallLog.Faulted(_logger, status.Fault.Target?.ToString() ?? "The instruction", status.Fault.Mnemonic);
        }
    }
}
