using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace VmmWatch.Tests;

/// <summary>How health leaves the process.</summary>
public sealed class HealthPublisherTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vmmwatch-").FullName;
    private readonly RecordingLoggerProvider _logs = new();
    private readonly LoggerFactory _factory;

    public HealthPublisherTests() => _factory = new LoggerFactory([_logs]);

    private string HealthFile => Path.Combine(_folder, "sub", "health");

    [Fact]
    public async Task A_change_is_logged_once()
    {
        using HealthPublisher publisher = Create(file: null);
        foreach (HealthStatus status in new[] { HealthStatus.Healthy, HealthStatus.Healthy, HealthStatus.Degraded, HealthStatus.Unhealthy, HealthStatus.Unhealthy, HealthStatus.Healthy })
        {
            await PublishAsync(publisher, status);
        }

        Assert.Equal([20, 21, 22, 20], _logs.Records.Select(record => record.Event));
        Assert.Equal([LogLevel.Information, LogLevel.Warning, LogLevel.Error, LogLevel.Information], _logs.Records.Select(record => record.Level));
    }

    [Fact]
    public async Task The_file_holds_the_last_health_and_goes_with_the_process()
    {
        _ = Directory.CreateDirectory(Path.GetDirectoryName(HealthFile)!);
        using (HealthPublisher publisher = Create(HealthFile))
        {
            await PublishAsync(publisher, HealthStatus.Healthy);
            Assert.Equal("Healthy\n", await File.ReadAllTextAsync(HealthFile));
            File.SetLastWriteTimeUtc(HealthFile, DateTime.UnixEpoch);
            await PublishAsync(publisher, HealthStatus.Healthy);
            Assert.NotEqual(DateTime.UnixEpoch, File.GetLastWriteTimeUtc(HealthFile)); // an old file is a stuck process
            await PublishAsync(publisher, HealthStatus.Unhealthy);
            Assert.Equal("Unhealthy\n", await File.ReadAllTextAsync(HealthFile));
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(HealthFile)!));
    }

    [Fact]
    public async Task A_file_that_cannot_be_written_is_logged_once_and_is_not_the_end()
    {
        using HealthPublisher publisher = Create(HealthFile);
        await PublishAsync(publisher, HealthStatus.Healthy);
        await PublishAsync(publisher, HealthStatus.Healthy);
        _ = Directory.CreateDirectory(Path.GetDirectoryName(HealthFile)!);
        await PublishAsync(publisher, HealthStatus.Healthy);
        Assert.Equal([20, 23, 24], _logs.Records.Select(record => record.Event));
        Assert.Equal("Healthy\n", await File.ReadAllTextAsync(HealthFile));
    }

    public void Dispose()
    {
        _factory.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static Task PublishAsync(HealthPublisher publisher, HealthStatus status)
    {
        HealthReportEntry entry = new(status, "Because.", TimeSpan.Zero, exception: null, data: null);
        return publisher.PublishAsync(new HealthReport(new Dictionary<string, HealthReportEntry> { [VmmHealthCheck.Name] = entry }, TimeSpan.Zero), default);
    }

    private HealthPublisher Create(string? file) => new(Options.Create(new WatchOptions { HealthFile = file }), _factory.CreateLogger<HealthPublisher>());
}
