using System.Globalization;
using System.Text.Json;
using Hypercall.BitVisor;
using Hypercall.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace VmmWatch.Tests.Processes;

/// <summary>The program as it was built, started as an operator would.</summary>
public class ProcessTests
{
    private const string NoSignals = "On Windows a service is not ended by a signal.";

    // However slow this machine is.
    private static readonly string[] Patient = ["--Vmm:SlowAfter=01:00:00", "--Vmm:HungAfter=01:00:00"];

    [Fact]
    public async Task Dotnet_counters_sees_its_meter_and_the_librarys()
    {
        using RunningWatch watch = RunningWatch.Start(["--Vmm:Period=00:00:00.01", .. Patient]);
        await watch.ExpectAsync("answers; the first value is 1250.");
        using CounterSession counters = new(
            watch.Id, "Hypercall,VmmWatch",
            "Hypercall/hypercall.calls[hypercall.function=exits]", "Hypercall/hypercall.duration[hypercall.function=exits]",
            "Hypercall/hypercall.faults[hypercall.fault=#PF,hypercall.function=exits]",
            "Hypercall/hypercall.calls.in_flight", "Hypercall/hypercall.call.oldest_age",
            "VmmWatch/vmmwatch.polls[vmmwatch.outcome=answered]", "VmmWatch/vmmwatch.polls[vmmwatch.outcome=refused]", "VmmWatch/vmmwatch.polls[vmmwatch.outcome=faulted]",
            "VmmWatch/vmmwatch.poll.duration[vmmwatch.outcome=answered]", "VmmWatch/vmmwatch.consecutive_failures", "VmmWatch/vmmwatch.value");
        IReadOnlyDictionary<string, string> values = await counters.WaitAsync();

        Assert.Equal(
            [
                ("Hypercall/hypercall.call.oldest_age", "ObservableGauge s"), ("Hypercall/hypercall.calls", "Counter {call}"),
                ("Hypercall/hypercall.calls.in_flight", "ObservableGauge {call}"), ("Hypercall/hypercall.duration", "Histogram s"),
                ("Hypercall/hypercall.faults", "Counter {fault}"), ("Hypercall/hypercall.late_returns", "Counter {call}"),
                ("Hypercall/hypercall.refusals", "Counter {call}"), ("Hypercall/hypercall.timeouts", "Counter {call}"),
                ("VmmWatch/vmmwatch.consecutive_failures", "ObservableGauge {poll}"), ("VmmWatch/vmmwatch.poll.duration", "Histogram s"),
                ("VmmWatch/vmmwatch.polls", "Counter {poll}"), ("VmmWatch/vmmwatch.value", "ObservableGauge "),
            ],
            counters.Instruments.OrderBy(instrument => instrument.Key, StringComparer.Ordinal).Select(instrument => (instrument.Key, KindWithoutType(instrument.Value))));
        Assert.True(double.Parse(values["VmmWatch/vmmwatch.value"], CultureInfo.InvariantCulture) >= 1250);
    }

    [Fact]
    public async Task SIGTERM_ends_it_with_0_and_takes_the_health_file_along()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), NoSignals);
        string folder = Directory.CreateTempSubdirectory("vmmwatch-").FullName;
        string file = Path.Combine(folder, "health");
        try
        {
            using RunningWatch watch = RunningWatch.Start([$"--Vmm:HealthFile={file}", "--Vmm:Period=00:00:00.5", .. Patient]);
            using FileSystemWatcher written = new(folder, "health");
            TaskCompletionSource appeared = new(TaskCreationOptions.RunContinuationsAsynchronously);
            written.Renamed += (_, _) => appeared.TrySetResult();
            written.EnableRaisingEvents = true;
            if (!File.Exists(file))
            {
                await appeared.Task.WaitAsync(TestWatch.Limit);
            }

            Assert.Contains((await File.ReadAllTextAsync(file)).TrimEnd(), Enum.GetNames<HealthStatus>());
            Assert.Equal(0, await watch.TerminateAsync());
            await watch.ExpectAsync("Stopped after");
            Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Once_prints_the_result_for_a_person_or_as_JSON()
    {
        ProcessRun plain = await RunAsync(["--once", .. Patient]);
        Assert.Equal(new ProcessRun(0, $"Healthy. 'exits' answered 1250.{Environment.NewLine}", ""), plain);

        ProcessRun json = await RunAsync(["--once", "--json", "--Vmm:Function=anything", .. Patient]);
        JsonElement report = JsonDocument.Parse(json.Out).RootElement;
        Assert.Equal(0, json.ExitCode);
        Assert.Equal(
            ("Healthy", "Fake", "anything", "Answered", "'anything' answered 1250."), (Text("health"), Text("machine"), Text("function"), Text("outcome"), Text("message")));
        Assert.Equal(1250ul, report.GetProperty("value").GetUInt64());
        Assert.True(report.GetProperty("seconds").GetDouble() > 0);

        string? Text(string name) => report.GetProperty(name).GetString();
    }

    [Theory]
    [InlineData("--Vmm:Period=5", "VmmWatch: Vmm:Period is 5.00:00:00; it lies between")]
    [InlineData("--Vmm:Periode=00:00:05", "Periode")]
    [InlineData("--Vmm:Machine=both", "both")]
    [InlineData("--twice", "VmmWatch: '--twice' is no setting; settings are --Vmm:KEY=VALUE. See --help.")]
    public async Task Bad_configuration_ends_with_2_and_its_reason(string arg, string reason)
    {
        ProcessRun run = await RunAsync(arg);
        Assert.Equal((2, ""), (run.ExitCode, run.Out));
        Assert.Contains(reason, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_is_help()
    {
        ProcessRun run = await RunAsync("--help");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.StartsWith("Usage: ", run.Out, StringComparison.Ordinal);
    }

    /// <summary>
    /// Whatever is under this machine, the program says what the library says: three calls at most, and the process lives.
    /// </summary>
    [Fact]
    public async Task On_the_real_machine_it_says_what_there_is()
    {
        ProcessRun run = await RunAsync(["--once", "--json", "--Vmm:Machine=real", .. Patient]);
        JsonElement report = JsonDocument.Parse(run.Out).RootElement;
        string message = report.GetProperty("message").GetString()!;
        bool answered = report.GetProperty("outcome").GetString() == nameof(PollOutcome.Answered);

        Assert.Equal((answered ? 0 : 1, ""), (run.ExitCode, run.Error));
        Assert.Equal(answered ? "Healthy" : "Degraded", report.GetProperty("health").GetString());
        if (!answered)
        {
            Assert.Equal(WhatTheLibrarySays("exits"), message);
        }
    }

    [Fact]
    public async Task On_the_real_machine_the_service_lives_until_it_is_ended()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), NoSignals);
        using RunningWatch watch = RunningWatch.Start("--Vmm:Machine=real", "--Vmm:Period=00:00:01", "--Vmm:Function=hypercall: no such function", "--Vmm:UnhealthyAfter=2");
        await watch.ExpectAsync("of the Real machine");
        await watch.ExpectAsync("No answer (");
        await watch.ExpectAsync("Unhealthy. ");
        Assert.Equal(0, await watch.TerminateAsync());
    }

    [Fact]
    public async Task It_logs_what_its_README_says()
    {
        string readme = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "README.md"));
        string[] lines = readme.ReplaceLineEndings("\n").Split("```text\n")[1].Split("```")[0].Split('\n', StringSplitOptions.RemoveEmptyEntries);

        // Health is looked at by another clock: which polls it sees is not settled.
        string[] polls = [.. lines.Where(line => !Enum.GetNames<HealthStatus>().Contains(line.Split('.')[0]))];
        Assert.InRange(polls.Length, 5, lines.Length - 1);
        using RunningWatch watch = RunningWatch.Start(["--Vmm:Period=00:00:00.01", .. Patient]);
        foreach (string line in polls)
        {
            await watch.ExpectAsync(line.Replace("every 00:00:01.", "every 00:00:00.0100000.", StringComparison.Ordinal).Replace("...", "", StringComparison.Ordinal));
        }
    }

    private static Task<ProcessRun> RunAsync(params string[] args) => ProcessRun.OfAsync("dotnet", TestWatch.Limit, [RunningWatch.Program, .. args]);

    // "Counter`1" or "Counter<Int64>", as the runtime likes.
    private static string KindWithoutType(string kindAndUnit) => $"{kindAndUnit.Split(' ')[0].Split('`', '<')[0]} {kindAndUnit.Split(' ')[1]}";

    private static string WhatTheLibrarySays(string function)
    {
        IConfiguration real = new ConfigurationBuilder().AddInMemoryCollection([new("Vmm:Machine", "real")]).Build();
        using ServiceProvider services = new ServiceCollection().AddVmmWatch(real).BuildServiceProvider();
        try
        {
            return services.GetRequiredService<BitVisorClient>().TryGetFunction(function).Message;
        }
        catch (Exception e) when (e is Hypercall.HypercallException or PlatformNotSupportedException)
        {
            return e.Message;
        }
    }
}
