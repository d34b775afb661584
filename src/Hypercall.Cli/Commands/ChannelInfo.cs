using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Machines;
using Hypercall.Cli.Output;

namespace Hypercall.Cli.Commands;

/// <summary>A way down, in JSON.</summary>
/// <param name="Name">Its name, for <c>--channel</c>.</param>
/// <param name="Instruction">Its instruction; null for a device of the guest's kernel.</param>
/// <param name="Encoding">The instruction's bytes.</param>
/// <param name="Chosen">Whether calls go by it.</param>
/// <param name="Usable">Whether it says that it can be used here.</param>
/// <param name="State"><c>notTried</c>, <c>notHere</c>, <c>needs</c>, <c>works</c>, <c>refused</c>, <c>faulted</c>,
/// <c>silent</c> or <c>channelRefused</c>.</param>
/// <param name="Needs">What it lacks that a user can give.</param>
/// <param name="Text">What is known, and what would help.</param>
/// <param name="Call">What was called to find out; null where nothing was.</param>
/// <param name="Rax">RAX of the answer.</param>
/// <param name="Fault">The fault that it raised.</param>
internal sealed record ChannelInfo(
    string Name,
    string? Instruction,
    string? Encoding,
    bool Chosen,
    bool Usable,
    string State,
    string? Needs,
    string Text,
    string? Call,
    string? Rax,
    FaultInfo? Fault)
{
    public static ChannelInfo Of(WayReport way) => new(
        way.Provider.Name,
        way.Provider.Instruction?.Mnemonic,
        way.Provider.Instruction is { } instruction ? DetectResult.SpacedHex(instruction.Encoding.Span) : null,
        way.IsChosen,
        way.Probe.IsUsable,
        NameOf(way.State),
        way.Needs,
        way.Text,
        way.Trial?.Call,
        RaxOf(way.Trial),
        FaultOf(way.Trial));

    /// <summary>The word for a state.</summary>
    internal static string NameOf(WayState state) => state switch
    {
        WayState.NotTried => "notTried",
        WayState.NotHere => "notHere",
        WayState.Needs => "needs",
        WayState.Works => "works",
        WayState.Refused => "refused",
        WayState.Faulted => "faulted",
        WayState.Silent => "silent",
        _ => "channelRefused",
    };

    internal static string? RaxOf(WayTrial? trial) => trial?.Rax is { } rax ? RegisterValue.Hex(rax) : null;

    internal static FaultInfo? FaultOf(WayTrial? trial) =>
        trial?.Status is { IsFaulted: true } status ? FaultInfo.Of(in status.Fault) : null;
}
