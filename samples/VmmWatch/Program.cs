using Microsoft.Extensions.DependencyInjection;
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
    _ = host.Services.GetRequiredService<IOptions<WatchOptions>>().Value; // throws when they cannot be
}
catch (Exception e) when (e is OptionsValidationException or InvalidOperationException or InvalidDataException)
{
    string[] reasons = e is OptionsValidationException invalid ? [.. invalid.Failures] : [e.Message, .. e.InnerException is { } inner ? [inner.Message] : Array.Empty<string>()];
    return Refuse(string.Join(Environment.NewLine, reasons));
}

if (arguments.Once)
{
    using (host)
    {
        OnceReport report = await OnceReport.OfAsync(host.Services);
        Console.WriteLine(arguments.Json ? report.ToJson() : report.ToString());
        return report.IsHealthy ? Fine : NotHealthy;
    }
}

VmmWatcher watcher = host.Services.GetRequiredService<VmmWatcher>();
await host.RunAsync();
return watcher.ExecuteTask is { IsFaulted: true } ? NotHealthy : Fine;

static int Refuse(string problem)
{
    Console.Error.WriteLine($"VmmWatch: {problem}");
    return BadUsage;
}
