using Hypercall.Cli.Output;
using Hypercall.Native;

namespace Hypercall.Cli.Machines;

/// <summary>What one CPU of the guest answers by the chosen way.</summary>
/// <param name="Cpu">Its number.</param>
/// <param name="Trial">What came of a call.</param>
internal sealed record CpuReport(int Cpu, WayTrial Trial)
{
    private const string Status = "/proc/self/status"; // Linux, Documentation/filesystems/proc.rst, Cpus_allowed_list

    /// <summary>Asks each CPU on which this process may run.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="instruction">The chosen way's instruction; null for a device of the guest's kernel.</param>
    /// <param name="findings">Who is there.</param>
    /// <exception cref="PlatformNotSupportedException">Which CPUs there are, or a call on one of them, cannot be had
    /// here.</exception>
    public static IReadOnlyList<CpuReport> OfEach(
        IHypercallMachine machine, HypercallInstruction? instruction, IReadOnlyList<HypervisorFinding> findings) =>
        [.. Allowed(machine.Signs).Select(cpu => new CpuReport(cpu, Ask(machine, cpu, instruction, findings)))];

    private static int[] Allowed(IHypervisorSigns signs)
    {
        string? line = signs.TryReadFile(Status)?.Split('\n')
            .FirstOrDefault(one => one.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal));
        int[] cpus = line is null ? [] : [.. CpuList.Numbers(line.Split(':')[1])];
        return cpus.Length > 0
            ? cpus
            : throw new PlatformNotSupportedException(
                $"Which CPUs this program may run on is in {Status}, on Linux; here it is not to be had.");
    }

    private static WayTrial Ask(
        IHypercallMachine machine, int cpu, HypercallInstruction? instruction, IReadOnlyList<HypervisorFinding> findings)
    {
        try
        {
            return WayTrial.Make(machine.OnCpu(cpu), instruction, findings);
        }
        catch (HypercallRefusedException e)
        {
            return new WayTrial(WayState.ChannelRefused, "none", ToolWords.Of(e.Message), HypercallStatus.Refused(e.Refusal));
        }
        catch (NotSupportedException e) when (e is not PlatformNotSupportedException)
        {
            throw new PlatformNotSupportedException(e.Message, e);
        }
    }
}
