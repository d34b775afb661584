using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Filters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using Hypercall.Benchmarks;
using Perfolizer.Horology;

// Started by benchmarks/run, which checks the arguments: --artifacts FOLDER --report FILE [--quick] [--filter GLOB] [--guest
// FILE] [--vm-exits FILE]; or with --measure-vm-exits, which prints what the last of these files holds.
string Value(string name, string otherwise) => Array.IndexOf(args, name) is >= 0 and int at && at + 1 < args.Length ? args[at + 1] : otherwise;
if (args.Contains("--measure-vm-exits"))
{
    VmExits.Run();
    return 0;
}

bool quick = args.Contains("--quick");
string filter = Value("--filter", "*");
string report = Value("--report", "benchmarks.md");

Job job = quick
    ? Job.Default.WithWarmupCount(1).WithIterationCount(5).WithIterationTime(TimeInterval.FromMilliseconds(50))
    : Job.Default.WithWarmupCount(3).WithIterationCount(15).WithIterationTime(TimeInterval.FromMilliseconds(200));

// As the README advises for projects that make many machines: 64 pages lie on the large object heap otherwise. Hexadecimal: 2
// MiB.
job = job.WithEnvironmentVariable("DOTNET_GCLOHThreshold", "200000");
ManualConfig config = ManualConfig.CreateEmpty()
    .AddJob(job)
    .AddDiagnoser(MemoryDiagnoser.Default)
    .AddColumnProvider(DefaultColumnProviders.Instance)
    .AddLogger(ConsoleLogger.Default)
    .AddFilter(new GlobFilter([filter]))
    .WithArtifactsPath(Value("--artifacts", "artifacts/benchmarks"))
    .WithOptions(ConfigOptions.JoinSummary);

// An empty filter: only what is in the files.
Summary[] summaries = filter.Length == 0 ? [] : BenchmarkRunner.Run(typeof(Program).Assembly, config);
string options = quick ? " Quick: fewer and shorter iterations, so a wide spread." : "";
Report results = new(summaries, Value("--guest", ""), Value("--vm-exits", ""), options);
File.WriteAllText(report, results.ToString());
Console.WriteLine();
Console.WriteLine(results);
foreach (string missed in results.Missed)
{
    Console.Error.WriteLine($"Missed: {missed}");
}

foreach (string known in results.KnownMissed)
{
    Console.Error.WriteLine($"Missed, as known (docs/numbers.md): {known}");
}

bool failed = (filter.Length > 0 && summaries.Length == 0) || summaries.Any(summary =>
    summary.HasCriticalValidationErrors || summary.Reports.IsEmpty || summary.Reports.Any(measured => !measured.Success));
if (failed)
{
    Console.Error.WriteLine("Some benchmarks did not run: see above.");
}

return failed ? 2 : results.Missed.Count == 0 ? 0 : 1;
