using Microsoft.Extensions.Logging;

namespace Hypercall;

/// <summary>Loggers that say which machine they speak of: each event has a scope with <c>hypercall.machine</c>.</summary>
/// <param name="inner">Where they log. It is not disposed.</param>
/// <param name="machine">The machine.</param>
internal sealed class MachineLoggerFactory(ILoggerFactory inner, string machine) : ILoggerFactory
{
    private readonly MachineScope _scope = new(machine);

    public ILogger CreateLogger(string categoryName) => new MachineLogger(inner.CreateLogger(categoryName), _scope);

    public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

    public void Dispose()
    {
    }

    private sealed class MachineLogger(ILogger inner, MachineScope machine) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            using (inner.BeginScope(machine))
            {
                inner.Log(logLevel, eventId, state, exception, formatter);
            }
        }
    }

    // A list, as scopes that logs take apart are; its text is for those that do not.
    private sealed class MachineScope(string machine) : List<KeyValuePair<string, object?>>([new("hypercall.machine", machine)])
    {
        public override string ToString() => $"hypercall.machine:{machine}";
    }
}
