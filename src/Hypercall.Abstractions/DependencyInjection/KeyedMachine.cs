using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace Hypercall;

/// <summary>A machine with a key: what its channel counts bears the key, whoever asks for the channel.</summary>
internal sealed class KeyedMachine(IHypercallMachine machine, ILoggerFactory? loggers, IMeterFactory? meters, string key)
    : IHypercallMachine, IDisposable, IAsyncDisposable
{
    private Observed? _channel;

    public ICpuid Cpuid => machine.Cpuid;

    public IHypervisorSigns Signs => machine.Signs;

    public HypercallTarget Target => machine.Target;

    public IReadOnlyList<IHypercallProvider> Providers => machine.Providers;

    public IHypercallChannel Channel
    {
        get
        {
            IHypercallChannel channel = machine.Channel;
            Observed? known = _channel;
            if (known is null || !ReferenceEquals(known.Raw, channel)) // a fake has another one after its CPU changed
            {
                _channel = known = new Observed(channel, channel.Observe(loggers, meters, key));
            }

            return known.Channel;
        }
    }

    public IGuestMemory Memory => machine.Memory;

    public IHypercallMachine OnCpu(int cpu) => new KeyedMachine(machine.OnCpu(cpu), loggers, meters, key);

    // The container knows this one only.
    public void Dispose() => (machine as IDisposable)?.Dispose();

    public ValueTask DisposeAsync()
    {
        if (machine is IAsyncDisposable disposable)
        {
            return disposable.DisposeAsync();
        }

        Dispose();
        return ValueTask.CompletedTask;
    }

    private sealed class Observed(IHypercallChannel raw, IHypercallChannel channel)
    {
        public IHypercallChannel Raw => raw;

        public IHypercallChannel Channel => channel;
    }
}
