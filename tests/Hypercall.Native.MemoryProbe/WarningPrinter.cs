using Microsoft.Extensions.Logging;

namespace Hypercall.Native.MemoryProbe;

/// <summary>Prints warnings as "log-ID: message".</summary>
internal sealed class WarningPrinter : ILogger<NativeGuestMemory>
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            Console.WriteLine($"log-{eventId.Id}: {formatter(state, exception)}");
        }
    }
}
