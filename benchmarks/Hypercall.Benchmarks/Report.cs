using System.Globalization;
using System.Text;
using BenchmarkDotNet.Environments;
using BenchmarkDotNet.Reports;

namespace Hypercall.Benchmarks;

/// <summary>The measurements of one run, and what they say of the claims.</summary>
internal sealed class Report
{
    private readonly Dictionary<string, Measurement> _measurements;
    private readonly StringBuilder _text = new();
    private readonly string? _noVmExits; // why there is no measurement of them

    public Report(IEnumerable<Summary> summaries, string guest, string vmExits, string options)
    {
        string[] exits = vmExits.Length == 0 ? [] : File.ReadAllLines(vmExits);
        _noVmExits = exits.FirstOrDefault(line => line.StartsWith('#'))?.TrimStart('#', ' ');
        _measurements = summaries
            .SelectMany(summary => summary.Reports)
            .Select(Measurement.From)
            .OfType<Measurement>()
            .Concat(guest.Length == 0 ? [] : Measurement.FromGuest(guest))
            .Concat(Measurement.FromVmExits(exits))
            .ToDictionary(measurement => measurement.Key);
        Write("# Benchmarks");
        Write();
        Write("Written by `benchmarks/run`. Every pair was measured in the same run, one process for each row (calls with a real VM exit:");
        Write("both by turns in each of five); the peers in C are in `benchmarks/peers`, compiled by `gcc -O2`, and loop in C. Times are");
        Write("medians, with the middle half of the iterations in brackets; a ratio's brackets are the worst and the best that those allow. [numbers.md](numbers.md) explains each row.");
        Write();
        Write($"{RuntimeInformation()}{options}");
        Write();
        WriteClaims();
        WriteTranslation();
        WriteMeasurements();
    }

    /// <summary>The claims that were measured and do not hold, and nobody knew.</summary>
    public List<string> Missed { get; } = [];

    /// <summary>The claims that were measured and do not hold, as docs/numbers.md says.</summary>
    public List<string> KnownMissed { get; } = [];

    public override string ToString() => _text.ToString();

    private static string RuntimeInformation()
    {
        HostEnvironmentInfo host = HostEnvironmentInfo.GetCurrent();
        string kernel = OperatingSystem.IsLinux() ? $", Linux {Environment.OSVersion.Version}" : "";
        return $"{host.Cpu.Value?.ProcessorName?.Trim()}, {Environment.ProcessorCount} cores{kernel}, .NET {Environment.Version}.";
    }

    private static string Number(double value) =>
        value.ToString(value >= 100 || value == 0 ? "#,0" : value >= 10 ? "0.0" : "0.00", CultureInfo.InvariantCulture);

    private static string Time(double nanoseconds) => nanoseconds switch
    {
        < 1e3 => $"{Number(nanoseconds)} ns",
        < 1e6 => $"{Number(nanoseconds / 1e3)} us",
        < 1e9 => $"{Number(nanoseconds / 1e6)} ms",
        _ => $"{Number(nanoseconds / 1e9)} s",
    };

    private static string Spread(Measurement of) => $"{Time(of.Median)} [{Time(of.Low)} to {Time(of.High)}]";

    private static string Ratio(Measurement of, Measurement to) =>
        $"{Number(of.Median / to.Median)}x [{Number(of.Low / to.High)} to {Number(of.High / to.Low)}]";

    private void WriteClaims()
    {
        Write("| what | Hypercall | peer | ratio | wanted | |");
        Write("|---|---|---|---|---|---|");
        foreach (Claim claim in Claim.All)
        {
            Measurement? peer = null;
            if (_measurements.TryGetValue(claim.Ours, out Measurement? ours)
                && (claim.Peer is null || _measurements.TryGetValue(claim.Peer, out peer)))
            {
                WriteClaim(claim, ours, peer?.Times(claim.PeerScale));
            }
            else if (_noVmExits is not null && claim.Ours.StartsWith(Measurement.VmExitKey(""), StringComparison.Ordinal))
            {
                Write($"| {claim.What} | not measured: {_noVmExits} | | | at most {Number(claim.Limit)}x | |");
            }
        }

        Write();
    }

    private void WriteClaim(Claim claim, Measurement ours, Measurement? peer)
    {
        (string ratio, string wanted, bool holds) = claim.Kind switch
        {
            ClaimKind.AtMostTimes => (Ratio(ours, peer!), $"at most {Number(claim.Limit)}x", ours.Median <= claim.Limit * peer!.Median),
            ClaimKind.TimesFaster => (
                Ratio(peer!, ours) + " faster", $"at least {Number(claim.Limit)}x faster", peer!.Median >= claim.Limit * ours.Median),
            ClaimKind.AtMostBytes => ("", $"at most {Number(claim.Limit)} bytes", ours.Bytes <= claim.Limit),
            _ => ("", $"at most {Time(claim.Limit)}", ours.Median <= claim.Limit),
        };
        string measured = claim.Kind == ClaimKind.AtMostBytes ? $"{ours.Bytes} bytes" : Spread(ours);
        if (!holds)
        {
            (claim.IsKnownToMiss ? KnownMissed : Missed).Add($"{claim.What}: {(ratio.Length == 0 ? measured : ratio)}, wanted {wanted}");
        }

        string against = peer is null ? "" : Spread(peer) + (claim.PeerScale == 1 ? "" : ", scaled from a part");
        Write($"| {claim.What} | {measured} | {against} | {ratio} | {wanted} | {(holds ? "holds" : "**missed**")} |");
    }

    private void WriteTranslation()
    {
        Measurement[] rows = [.. _measurements.Values.Where(row => row.Pages is not null).OrderBy(row => row.Key.Length).ThenBy(row => row.Pages)];
        if (rows.Length == 0)
        {
            return;
        }

        Write("## Cost of a page, by how many are translated at once");
        Write();
        Write("| pages | Hypercall, a page | C, a page |");
        Write("|---|---|---|");
        foreach (int pages in rows.Select(row => row.Pages!.Value).Distinct().Order())
        {
            Write($"| {pages:N0} | {PerPage(nameof(TranslationBenchmarks.Translate), pages)} | {PerPage(nameof(TranslationBenchmarks.TranslateInC), pages)} |");
        }

        Write();
    }

    private string PerPage(string method, int pages) =>
        _measurements.TryGetValue(Measurement.KeyOf(typeof(TranslationBenchmarks), method, pages), out Measurement? row) ? Spread(row.Times(1.0 / pages)) : "";

    private void WriteMeasurements()
    {
        Write("## Everything measured");
        Write();
        Write("| benchmark | one operation | managed bytes allocated |");
        Write("|---|---|---|");
        foreach (Measurement row in _measurements.Values)
        {
            Write($"| {row.Key} | {Spread(row)} | {row.Bytes:N0} |");
        }
    }

    private void Write(FormattableString line) => _text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

    private void Write(string line = "") => _text.Append(line).Append('\n');
}
