using Hypercall.Cli.Output;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hypercall.Cli.Machines;

/// <summary>A way down, and what is known of it.</summary>
/// <param name="Provider">The way.</param>
/// <param name="IsChosen">Whether calls go by it.</param>
/// <param name="Probe">What it says of itself.</param>
/// <param name="Trial">What came of a call; null where none was made.</param>
internal sealed record WayReport(IHypercallProvider Provider, bool IsChosen, HypercallProbe Probe, WayTrial? Trial)
{
    public WayState State => Trial?.State
        ?? (Probe.IsUsable ? WayState.NotTried : Probe.Needs is null ? WayState.NotHere : WayState.Needs);

    /// <summary>What it lacks that a user can give; null for nothing.</summary>
    public string? Needs => Trial is null ? Probe.Needs : Trial.Needs;

    /// <summary>What is known, and what would help.</summary>
    public string Text => Trial?.Text
        ?? (Probe.IsUsable ? "" : ToolWords.Of($"It cannot be used: {Probe.Reason}. {Probe.Remedy}"));

    /// <summary>Looks at all ways of a machine.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="cpu">Its CPU.</param>
    /// <param name="target">The chosen way; null where none could be chosen.</param>
    /// <param name="findings">Who is there.</param>
    /// <param name="tries">Whether a harmless call is made by each way that can be used.</param>
    public static IReadOnlyList<WayReport> OfAll(
        IHypercallMachine machine, CpuIdentity cpu, HypercallTarget? target,
        IReadOnlyList<HypervisorFinding> findings, bool tries)
    {
        List<WayReport> reports = [];
        foreach (IHypercallProvider way in machine.Providers)
        {
            bool isChosen = ReferenceEquals(way, target?.Provider);
            HypercallProbe probe = way.Probe(machine.Cpuid);
            WayTrial? trial = tries && (probe.IsUsable || isChosen)
                ? Try(machine, new HypercallTarget(cpu, way), findings)
                : null;
            reports.Add(new WayReport(way, isChosen, probe, trial));
        }

        return reports;
    }

    private static WayTrial Try(IHypercallMachine machine, HypercallTarget target, IReadOnlyList<HypervisorFinding> findings)
    {
        IHypercallChannel? channel = null;
        try
        {
            channel = target.Provider.Open(target, NullLoggerFactory.Instance);
            return WayTrial.Make(machine.WithChannel(channel), target.Instruction, findings);
        }
        catch (Exception e) when (ExitCodes.For(e) is ExitCode.Unsupported or ExitCode.MemoryRefused)
        {
            return new WayTrial(WayState.ChannelRefused, "none", ToolWords.Of(e.Message));
        }
        finally
        {
            (channel as IDisposable)?.Dispose();
        }
    }
}
