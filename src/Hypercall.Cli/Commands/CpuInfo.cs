using Hypercall.Cli.Machines;
using Hypercall.Cli.Output;

namespace Hypercall.Cli.Commands;

/// <summary>What one CPU of the guest answered, in JSON.</summary>
/// <param name="Cpu">Its number.</param>
/// <param name="State">As that of a channel.</param>
/// <param name="Text">What came.</param>
/// <param name="Rax">RAX of the answer.</param>
/// <param name="Fault">The fault that was raised.</param>
internal sealed record CpuInfo(int Cpu, string State, string Text, string? Rax, FaultInfo? Fault)
{
    public static CpuInfo Of(CpuReport report) => new(
        report.Cpu,
        ChannelInfo.NameOf(report.Trial.State),
        report.Trial.Text,
        ChannelInfo.RaxOf(report.Trial),
        ChannelInfo.FaultOf(report.Trial));
}
