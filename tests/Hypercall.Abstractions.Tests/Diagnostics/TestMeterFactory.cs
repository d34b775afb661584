using System.Diagnostics.Metrics;

namespace Hypercall.Tests.Diagnostics;

/// <summary>A factory as a host has one: the same meter for the same name.</summary>
internal sealed class TestMeterFactory : IMeterFactory
{
    private readonly Dictionary<string, Meter> _meters = [];

    public Meter Meter => Create(new MeterOptions("Hypercall"));

    public Meter Create(MeterOptions options)
    {
        lock (_meters)
        {
            return _meters.TryGetValue(options.Name, out Meter? meter) ? meter : _meters[options.Name] = new Meter(options.Name, null, null, scope: this);
        }
    }

    public void Dispose()
    {
        foreach (Meter meter in _meters.Values)
        {
            meter.Dispose();
        }
    }
}
