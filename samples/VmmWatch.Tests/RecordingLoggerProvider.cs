using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace VmmWatch.Tests;

/// <summary>Keeps what is logged, with its scope.</summary>
internal sealed class RecordingLoggerProvider : ILoggerProvider, ISupportExternalScope
{
    private readonly ConcurrentQueue<LogRecord> _records = new();
    private IExternalScopeProvider? _scopes;

    public IReadOnlyList<LogRecord> Records => [.. _records];

    public ILogger CreateLogger(string categoryName) => new Recorder(this, categoryName);

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

    public void Dispose()
    {
    }

    private sealed class Recorder(RecordingLoggerProvider owner, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => owner._scopes?.Push(state);

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            string innermost = "";
            owner._scopes?.ForEachScope((scope, _) => innermost = scope?.ToString() ?? "", 0);
            owner._records.Enqueue(new LogRecord(category, logLevel, eventId.Id, formatter(state, exception), innermost));
        }
    }
}
