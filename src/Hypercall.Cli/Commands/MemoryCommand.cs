using System.CommandLine;
using System.Globalization;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Machines;
using Hypercall.Cli.Memory;
using Hypercall.Cli.Output;
using Hypercall.Native;
using Hypercall.Testing;

namespace Hypercall.Cli.Commands;

/// <summary>Shows what touched, locked and pinned mean, and which of them holds a page where a VMM was told it is.</summary>
internal sealed class MemoryCommand : CliCommand
{
    // A compaction that moves next to nothing shows nothing, and one may end early: when somebody else is at the memory, or a
    // page finds no place.
    private const int Attempts = 5;
    private const int CompactionsPerAttempt = 2;
    private const double Convincing = 0.1; // the share of pages that moved, from which on the kernel is asked no more
    private const int FirstExtents = 8;    // as many as --frames prints of each buffer
    private const long DefaultSize = 8 << 20;

    private static readonly Residency[] All = [Residency.Touched, Residency.Locked, Residency.Pinned];

    private readonly SizeOption _size = new("--size", "Size of each buffer", DefaultSize);
    private readonly ChoiceOption<Residency[]> _residency = new(
        "--residency",
        "Which buffer to look at. [default: all three]",
        All,
        ("all", All),
        ("touched", [Residency.Touched]),
        ("locked", [Residency.Locked]),
        ("pinned", [Residency.Pinned]));
    private readonly ChoiceOption<PinningMechanism?> _pinning = new(
        "--pinning",
        "What pins pages of this machine. [default: auto, which is io_uring, else ramfs]",
        defaultValue: null,
        ("auto", PinningMechanism.Best),
        ("io_uring", PinningMechanism.IoUring),
        ("ramfs", PinningMechanism.RamFs));
    private readonly Option<bool> _compact = new("--compact")
    {
        Description = "Fragment memory (at most 1 GiB, given back), have the kernel compact it, and count the pages that moved. Needs root.",
    };

    private readonly Option<bool> _frames = new("--frames") { Description = $"Print the first {FirstExtents} extents: physical addresses are privileged, and appear only here." };

    public MemoryCommand()
        : base("memory", "Show which memory stays where a VMM was told it is: touched, locked, pinned.")
    {
        foreach (Option option in (Option[])[_size, _residency, _compact, _pinning, _frames])
        {
            Options.Add(option);
        }
    }

    public override string Remarks =>
        "Without root the kernel hides where pages lie: what can be seen is printed, and the exit code is 6. A pinned page that moved ends with 7. Calls no VMM.";

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples { get; } =
    [
        ("hypercall memory", "three buffers of 8 MiB, and how their frames lie"),
        ("hypercall memory --compact", "which of their pages move when the kernel tidies up (root)"),
        ("hypercall memory --compact --vmm fake", "the same on the fake machine, which needs nothing"),
        ("hypercall memory --compact --vmm real --pinning ramfs --json", "pinned without io_uring, for a script (root)"),
    ];

    protected override ValueTask<ExitCode> RunAsync(Invocation invocation)
    {
        using VmmSession session = invocation.OpenSession();
        IMemoryLab lab = LabOf(invocation, session.Memory);
        bool compact = invocation.Get(_compact);
        GuestMemoryRefusal? cannot = compact ? lab.CannotCompact : null;
        BufferReport[] reports = Look(lab, invocation.Get(_residency)!, invocation.Get(_size), compact && cannot is null, invocation.CancellationToken);

        bool isCompacted = compact && cannot is null;
        GuestMemoryRefusal? missing = cannot ?? reports.Select(report => report.Refusal).FirstOrDefault(refusal => refusal is not null);
        MemoryResult result = new(
            invocation.Machine.Vmm == VmmKind.Real ? "real" : "fake",
            invocation.Get(_size),
            isCompacted,
            InfoOn(reports, Residency.Touched, invocation.Get(_frames)),
            InfoOn(reports, Residency.Locked, invocation.Get(_frames)),
            InfoOn(reports, Residency.Pinned, invocation.Get(_frames)),
            Conclude(reports, isCompacted, missing),
            missing is null ? null : ErrorInfo.Of(new GuestMemoryException(missing)));
        invocation.Output.Report(result, CliJson.Readable.MemoryResult, page => Draw(page, result, reports));
        return ValueTask.FromResult(Judge(reports, missing));
    }

    internal static ExitCode Judge(IReadOnlyList<BufferReport> reports, GuestMemoryRefusal? missing) =>
        reports.Any(report => report is { Got: "pinned", Moved: > 0 }) ? ExitCode.Untrusted
        : missing is not null ? ExitCodes.For(new GuestMemoryException(missing))
        : ExitCode.Done;

    private IMemoryLab LabOf(Invocation invocation, IGuestMemory memory) => memory switch
    {
        FakeGuestMemory when invocation.Get(_pinning) is not null =>
            throw new UsageException("--pinning chooses what pins pages of this machine; the fake machine has one way only."),
        FakeGuestMemory fake => new FakeMemoryLab(fake),
        _ => new NativeMemoryLab(invocation.Get(_pinning) ?? PinningMechanism.Best),
    };

    private static BufferReport[] Look(
        IMemoryLab lab, Residency[] residencies, long size, bool compact, CancellationToken cancellationToken)
    {
        BufferReport[] best = [];
        for (int attempt = 1; ; attempt++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            List<Specimen> specimens = [];
            using IDisposable? holes = compact ? lab.Fragment(cancellationToken) : null;
            try
            {
                specimens.AddRange(residencies.OrderBy(residency => residency != Residency.Locked).Select(residency => Specimen.Take(lab, residency, size))); // what is told of gets the best place
                BufferReport[] reports = [];
                for (int compactions = 0; compactions < (compact ? CompactionsPerAttempt : 1) && ShareMoved(reports) < Convincing; compactions++)
                {
                    if (compact)
                    {
                        lab.Compact(specimens.Select(specimen => specimen.Buffer).OfType<GuestBuffer>());
                    }

                    reports = [.. specimens.Select(specimen => specimen.Observe()).OrderBy(report => Array.IndexOf(residencies, report.Residency))];
                }

                if (!compact || reports.Any(report => report.Refusal is not null || report is { Got: "pinned", Moved: > 0 }))
                {
                    return reports;
                }

                best = ShareMoved(reports) >= ShareMoved(best) ? reports : best;
                if (attempt == Attempts || ShareMoved(best) >= Convincing)
                {
                    return best;
                }
            }
            finally
            {
                specimens.ForEach(specimen => specimen.Dispose());
            }
        }
    }

    // Of locked pages; where they were not asked for, of touched ones.
    private static double ShareMoved(IReadOnlyList<BufferReport> reports) =>
        reports.LastOrDefault(report => report.Got != "pinned") is { Moved: { } moved, Pages: var pages } ? (double)moved / pages : 0;

    private static void Draw(IPage page, MemoryResult result, IReadOnlyList<BufferReport> reports)
    {
        string size = ByteSize.Describe(result.Size);
        page.Text(result.Compacted
            ? $"Buffers of {size} were placed into fragmented memory; then the {(result.Vmm == "real" ? "kernel" : "fake machine")} compacted it, as it does whenever it wants a large page."
            : $"Buffers of {size}, and how they lie in physical memory.");
        page.Table(
            ["asked", "got", "held by", "pages", "in memory", "extents", "largest", "moved"],
            [.. reports.Select(Row)]);
        foreach (BufferInfo info in ((BufferInfo?[])[result.Touched, result.Locked, result.Pinned]).OfType<BufferInfo>())
        {
            if (info.Frames is { } frames)
            {
                page.Table(
                    [$"{info.Asked}: starts at", "bytes"],
                    [.. frames.Select(frame => new[] { frame.Address, Number(frame.Bytes) })]);
            }
        }

        page.Text(result.Conclusion);
        foreach (string message in reports.Select(report => report.Refusal?.Message).Append(result.Error?.Message).OfType<string>().Distinct())
        {
            page.Text($"Missing: {message}");
        }
    }

    private static IReadOnlyList<string> Row(BufferReport report) => report.Got is null
        ? [report.Asked, "nothing", "", "", "", "", "", ""]
        :
        [
            report.Asked,
            report.Got,
            report.Got switch { "touched" => "nothing", "locked" => "mlock", _ => report.Mechanism ?? "" },
            Number(report.Pages),
            report.Present is { } present ? Number(present) : "hidden",
            report.Extents is { } extents ? Number(extents.Count) : "hidden",
            report.Extents is { Count: > 0 } some ? ByteSize.Describe(some.Max(extent => extent.Pages) << GuestPage.Shift) : "hidden",
            report.Moved is { } moved ? $"{Number(moved)} ({Share(moved, report.Pages)})" : "hidden",
        ];

    private static BufferInfo? InfoOn(IReadOnlyList<BufferReport> reports, Residency residency, bool frames) =>
        reports.FirstOrDefault(report => report.Residency == residency) is { } report
            ? new BufferInfo(
                report.Asked,
                report.Got,
                report.Mechanism,
                report.Bytes,
                report.Pages,
                report.Present,
                report.Extents?.Count,
                report.Extents is { Count: > 0 } extents ? extents.Max(extent => extent.Pages) << GuestPage.Shift : null,
                report.Moved,
                frames ? report.Extents?.Take(FirstExtents).Select(ExtentInfo.Of).ToArray() : null,
                report.Refusal?.Message)
            : null;

    internal static string Conclude(IReadOnlyList<BufferReport> reports, bool compacted, GuestMemoryRefusal? missing)
    {
        if (reports.FirstOrDefault(report => report is { Got: "pinned", Moved: > 0 }) is { } broken)
        {
            return $"{Number(broken.Moved!.Value)} pinned pages moved: on this machine {broken.Mechanism} does not pin. Hand nothing over by physical address here, and report it, please.";
        }

        if (!compacted)
        {
            return missing is null
                ? "Every page is where it was a moment ago, which proves nothing: --compact has the kernel move what it may move."
                : "How long these pages stay where they are is not to be seen from here.";
        }

        string kept = reports.FirstOrDefault(report => report is { Got: "pinned", Moved: 0 }) is { } pinned
            ? $"; of the {Number(pinned.Pages)} pinned pages ({pinned.Mechanism}), none did"
            : "";
        BufferReport? loose = reports.FirstOrDefault(report => report is { Got: "locked", Moved: > 0 }) ?? reports.FirstOrDefault(report => report is { Got: not "pinned", Moved: > 0 });
        return loose is null
            ? $"This compaction moved no page that could have moved{kept}: it shows nothing about them. Try again when memory is busier."
            : $"{Number(loose.Moved!.Value)} of {Number(loose.Pages)} {loose.Got} pages ({Share(loose.Moved.Value, loose.Pages)}) moved{kept}. A VMM that was told their old addresses now reads and "
                + "overwrites memory of somebody else: what goes over by physical address has to be pinned.";
    }

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Share(long part, long whole) => string.Create(CultureInfo.InvariantCulture, $"{100.0 * part / whole:0.#} %");
}

/// <summary>The answer of <c>memory</c> in JSON.</summary>
/// <param name="Vmm"><c>real</c> or <c>fake</c>: whose memory it is.</param>
/// <param name="Size">Bytes of each buffer.</param>
/// <param name="Compacted">Whether memory was compacted in between.</param>
/// <param name="Touched">Null when it was not asked for, as with the other two.</param>
/// <param name="Locked">The locked buffer.</param>
/// <param name="Pinned">The pinned buffer.</param>
/// <param name="Conclusion">What follows, in a sentence.</param>
/// <param name="Error">What was refused or hidden first; null when nothing was.</param>
internal sealed record MemoryResult(
    string Vmm, long Size, bool Compacted, BufferInfo? Touched, BufferInfo? Locked, BufferInfo? Pinned, string Conclusion, ErrorInfo? Error);

/// <summary>One buffer, in JSON. What the kernel does not tell is null.</summary>
/// <param name="Asked">The residency that was asked for.</param>
/// <param name="Got">The residency that it has; null when there is no buffer.</param>
/// <param name="Mechanism">What pins it: <c>io_uring</c>, <c>ramfs</c>, <c>fake</c>.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Pages">Its pages of 4 KiB.</param>
/// <param name="Present">How many of them are in memory.</param>
/// <param name="Extents">How many runs of neighbouring frames they are.</param>
/// <param name="LargestExtent">Bytes of the largest run.</param>
/// <param name="Moved">How many of them lie in another frame than at first.</param>
/// <param name="Frames">The first runs, where <c>--frames</c> asked for them.</param>
/// <param name="Missing">Why there is no buffer, or what the kernel does not tell.</param>
internal sealed record BufferInfo(
    string Asked,
    string? Got,
    string? Mechanism,
    long Bytes,
    long Pages,
    long? Present,
    int? Extents,
    long? LargestExtent,
    long? Moved,
    IReadOnlyList<ExtentInfo>? Frames,
    string? Missing);

/// <summary>A run of neighbouring frames, in JSON.</summary>
/// <param name="Address">The guest physical address of its first byte.</param>
/// <param name="Bytes">Its length.</param>
internal sealed record ExtentInfo(string Address, long Bytes)
{
    public static ExtentInfo Of(Extent extent) => new(RegisterValue.Hex(extent.First.Address.Value), extent.Pages << GuestPage.Shift);
}
