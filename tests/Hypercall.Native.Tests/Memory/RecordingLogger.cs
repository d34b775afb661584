using Microsoft.Extensions.Logging;

namespace Hypercall.Native.Tests.Memory;

internal sealed class RecordingLogger : ILogger
{
    public int Count { get; private set; }

    public string? Last { get; private set; }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (logLevel >= LogLevel.Warning)
        {
            Last = formatter(state, exception);
            Count++;
        }
    }
}
