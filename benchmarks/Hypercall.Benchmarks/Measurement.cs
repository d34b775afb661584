using System.Globalization;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Hypercall.Benchmarks;

/// <summary>One benchmark's times, in nanoseconds for one operation.</summary>
/// <param name="Key">Which benchmark.</param>
/// <param name="Pages">Its argument, if it has one.</param>
/// <param name="Median">The median of its iterations.</param>
/// <param name="Low">A quarter of the iterations took less.</param>
/// <param name="High">A quarter of the iterations took more.</param>
/// <param name="Bytes">Managed memory allocated by one operation.</param>
internal sealed record Measurement(string Key, int? Pages, double Median, double Low, double High, long Bytes)
{
    public static string KeyOf(Type type, string method, int? argument) => $"{type.Name}.{method}" + (argument is null ? "" : $"({argument})");

    /// <summary>What came out of a run; a benchmark that failed is not among it.</summary>
    public static Measurement? From(BenchmarkReport report)
    {
        BenchmarkCase benchmark = report.BenchmarkCase;
        int? pages = benchmark.HasArguments ? (int)benchmark.Parameters.Items[0].Value! : null;
        return report.Success && report.ResultStatistics is { } statistics
            ? new Measurement(
                KeyOf(benchmark.Descriptor.Type, benchmark.Descriptor.WorkloadMethod.Name, pages),
                pages,
                statistics.Median,
                statistics.Q1,
                statistics.Q3,
                report.GcStats.GetBytesAllocatedPerOperation(benchmark) ?? 0)
            : null;
    }

    /// <summary>
    /// What was measured in a guest: lines of what, median, first and third quartile in nanoseconds, separated by tabs.
    /// </summary>
    public static IEnumerable<Measurement> FromGuest(string file) =>
        from line in File.ReadLines(file)
        let cells = line.Split('\t')
        let times = cells.Skip(1).Select(cell => double.Parse(cell, CultureInfo.InvariantCulture)).ToArray()
        select new Measurement(GuestKey(cells[0]), null, times[0], times[1], times[2], 0);

    /// <summary>
    /// What <see cref="VmExits"/> printed: lines of what and nanoseconds, separated by tabs, and perhaps a line with '#' and why
    /// there is nothing.
    /// </summary>
    public static IEnumerable<Measurement> FromVmExits(IEnumerable<string> lines) =>
        from line in lines
        where !line.StartsWith('#')
        let cells = line.Split('\t')
        group double.Parse(cells[1], CultureInfo.InvariantCulture) by cells[0] into rounds
        let times = rounds.Order().ToArray()
        let quarter = times.Length / 4
        select new Measurement(VmExitKey(rounds.Key), null, times[times.Length / 2], times[quarter], times[3 * quarter], 0);

    public static string VmExitKey(string what) => $"VmExits.{what}";

    public static string GuestKey(string what) => $"Guest.{what}";

    /// <summary>The time of more operations, or of a part of one.</summary>
    public Measurement Times(double factor) => this with { Median = Median * factor, Low = Low * factor, High = High * factor };
}
