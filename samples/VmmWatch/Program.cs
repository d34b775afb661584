using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using VmmWatch;

const int Fine = 0;
const int NotHealthy = 1;
const int BadUsage = 2;

if (!WatchArguments.TryParse(args, out WatchArguments? arguments, out string? problem))
{
    return Refuse($"{problem} See --help.");
}

if (arguments.Help)
{
    Console.WriteLine(WatchArguments.Usage);
    return Fine;
}

IHost host;
WatchOptions options;
try
{
    HostApplicationBuilder builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings
    {
        Args = [.. arguments.Settings],
        ContentRootPath = AppContext.BaseDirectory, // where appsettings.json is, wherever the program is started
    });
    _ = builder.Services.AddVmmWatch(builder.Configuration);
    if (arguments.Once)
    {
        _ = builder.Logging.ClearProviders(); // the report says it all
    }

    host = builder.Build();
    options = host.Services.GetRequiredService<IOptions<WatchOptions>>().Value;
}
catch (Exception e) when (e is OptionsValidationException or InvalidOperationException or InvalidDataException)
{
    string[] reasons = e is OptionsValidationException invalid ? [.. invalid.Failures] : [e.Message, .. e.InnerException is { } inner ? [inner.Message] : Array.Empty<string>()];
    return Refuse(string.Join(Environment.NewLine, reasons));
}

VmmWatcher watcher = host.Services.GetRequiredService<VmmWatcher>();
if (arguments.Once)
{
    using (host)
    {
        return await PollOnceAsync();
    }
}

await host.RunAsync();
return watcher.ExecuteTask is { IsFaulted: true } ? NotHealthy : Fine;

async Task<int> PollOnceAsync()
{
    using CancellationTokenSource hung = new(options.HungAfter);
    try
    {
        await watcher.PollAsync(hung.Token);
    }
    catch (OperationCanceledException)
    {
        // The health check says so.
    }

    HealthReport health = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
    OnceReport report = OnceReport.Of(options, host.Services.GetRequiredService<WatchState>().Snapshot, health.Entries[VmmHealthCheck.Name]);
    Console.WriteLine(arguments.Json ? report.ToJson() : report.ToString());
    return health.Status == HealthStatus.Healthy ? Fine : NotHealthy;
}

static int Refuse(string problem)
{
    Console.Error.WriteLine($"VmmWatch: {problem}");
    return BadUsage;
}
