using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace VmmWatch;

/// <summary>
/// Logs the health when it changes, and keeps it in a file if asked to: one word, <c>Healthy</c>, <c>Degraded</c> or
/// <c>Unhealthy</c>, written anew each time, so that an old file tells of a process that is stuck. The file goes with the
/// process.
/// </summary>
public sealed class HealthPublisher(IOptions<WatchOptions> options, ILogger<HealthPublisher> logger) : IHealthCheckPublisher, IDisposable
{
    private readonly string? _file = options.Value.HealthFile;
    private readonly Lock _lock = new(); // the host stops without waiting for what is being published
    private HealthStatus? _last;
    private bool _isDisposed;
    private bool _fileFails;

    /// <inheritdoc/>
    public Task PublishAsync(HealthReport report, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(report);
        HealthReportEntry entry = report.Entries[VmmHealthCheck.Name];
        lock (_lock)
        {
            if (!_isDisposed)
            {
                Publish(entry);
            }
        }

        return Task.CompletedTask;
    }

    /// <summary>Removes the file.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_file is not null && _last is not null && !_isDisposed)
            {
                TryFile(_file, File.Delete);
            }

            _isDisposed = true;
        }
    }

    private void Publish(HealthReportEntry entry)
    {
        if (_last != entry.Status)
        {
            _last = entry.Status;
            WatchLog.Health(logger, entry.Status, entry.Description);
        }

        if (_file is not null)
        {
            Write(_file, entry.Status);
        }
    }

    private void Write(string file, HealthStatus status)
    {
        // Renamed into its place: a probe sees a whole file or the one before.
        bool fails = !TryFile(file, path =>
        {
            File.WriteAllText(path + ".new", status + "\n");
            File.Move(path + ".new", path, overwrite: true);
        });
        if (_fileFails && !fails)
        {
            WatchLog.HealthFileWorks(logger, file);
        }

        _fileFails = fails;
    }

    private bool TryFile(string file, Action<string> act)
    {
        try
        {
            act(file);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_fileFails)
            {
                WatchLog.HealthFileFailed(logger, file, e.Message);
            }

            return false;
        }
    }
}
