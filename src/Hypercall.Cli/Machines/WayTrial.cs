using Hypercall.BitVisor;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Output;
using Hypercall.Native;

namespace Hypercall.Cli.Machines;

/// <summary>What came of one harmless call by a way down.</summary>
/// <param name="State">What that means.</param>
/// <param name="Call">What was called.</param>
/// <param name="Text">What came, for people.</param>
/// <param name="Status">How the call ended; null where none was made.</param>
/// <param name="Rax">RAX of the answer; null where there is none.</param>
internal sealed record WayTrial(WayState State, string Call, string Text, HypercallStatus? Status = null, ulong? Rax = null)
{
    /// <summary>What the way lacks that a user can give; null for nothing.</summary>
    public string? Needs { get; private init; }

    /// <summary>The call that a VMM served; null where it served none, or it was a look-up.</summary>
    public HarmlessCall? Served { get; private init; }

    private const string NoPermission =
        "#GP: the guest's kernel has not allowed this program the port, and no VMM serves it without.";

    private const string Lookup = "the look-up of 'boot'"; // VmmPresenceResult: what BitVisorClient.DetectPresence asks
    // QEMU, hw/i386/vmport.c, vmport_ioport_read: also what IN reads where nobody is
    private const ulong UnservedPort = uint.MaxValue;

    /// <summary>Whether a look-up by name, or a call by a VMM's convention, can go by an instruction.</summary>
    public static bool IsHypercall(HypercallInstruction? instruction) =>
        instruction is null || !(IsCpuid(instruction) || IsPort(instruction));

    /// <summary>What a look-up that was made says of its way.</summary>
    private static WayTrial Of(VmmPresenceResult presence)
    {
        return presence.Presence switch
        {
            VmmPresence.Present => Answered(WayState.Works, "which is a function's number"),
            VmmPresence.ForeignAbi => Answered(WayState.Refused, "which is no answer of a VMM that finds names"),
            VmmPresence.Absent => Answered(WayState.Silent, "as it went in"),
            VmmPresence.Faulted => new WayTrial(
                WayState.Faulted, Lookup, $"{Lookup} raised {presence.Status.Fault}.", presence.Status),
            _ => new WayTrial(WayState.ChannelRefused, Lookup, ToolWords.Of(presence.Message), presence.Status),
        };

        WayTrial Answered(WayState state, string meaning) => new(
            state, Lookup, $"{Lookup} gave RAX = {RegisterValue.Hex(presence.Rax)}, {meaning}.", presence.Status, presence.Rax);
    }

    /// <summary>Makes one harmless call by a way.</summary>
    /// <param name="machine">The machine, with that way as its channel.</param>
    /// <param name="instruction">The way's instruction; null for a device of the guest's kernel.</param>
    /// <param name="findings">Who is there: whose call is harmless.</param>
    public static WayTrial Make(
        IHypercallMachine machine, HypercallInstruction? instruction, IReadOnlyList<HypervisorFinding> findings)
    {
        try
        {
            return instruction is null || IsHypercall(instruction) ? Ask(machine, HarmlessCall.By(findings))
                : IsCpuid(instruction) ? AskCpuid(machine)
                : instruction.Mnemonic.StartsWith("IN", StringComparison.OrdinalIgnoreCase) ? Ask(machine, HarmlessCall.OfPort)
                : new WayTrial(WayState.NotTried, "none", "What a write to this port does, only its device knows.");
        }
        catch (ArgumentException e) // a port that is not VMware's cannot carry its convention
        {
            return new WayTrial(WayState.NotTried, "none", $"No harmless call is known for it: {e.Message}");
        }
        catch (HypercallRefusedException e)
        {
            return new WayTrial(WayState.ChannelRefused, "none", ToolWords.Of(e.Message), HypercallStatus.Refused(e.Refusal));
        }
        catch (Exception e) when (e is PlatformNotSupportedException or ExecutableMemoryException or GuestMemoryException)
        {
            return new WayTrial(WayState.ChannelRefused, "none", ToolWords.Of(e.Message));
        }
    }

    private static bool IsCpuid(HypercallInstruction instruction) =>
        instruction.Mnemonic.Equals("CPUID", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether an instruction accesses a port.</summary>
    public static bool IsPort(HypercallInstruction? instruction) =>
        instruction?.Mnemonic.Split(' ')[0] is { } name
        && (name.Equals("IN", StringComparison.OrdinalIgnoreCase) || name.Equals("OUT", StringComparison.OrdinalIgnoreCase));

    private static WayTrial Ask(IHypercallMachine machine, HarmlessCall? call)
    {
        if (call is null)
        {
            return Of(new BitVisorClient(machine).DetectPresence());
        }

        HypercallFunction function = new(machine, call.Convention, call.Number);
        HypercallStatus status = function.TryCall(out HypercallResult result, call.Words);
        if (!status.IsCompleted)
        {
            return NotCompleted($"{call}", status, isPort: call == HarmlessCall.OfPort);
        }

        bool isVmware = call.Convention == HypercallConvention.Vmware || call.Convention == HypercallConvention.VmwarePort;
        (WayState state, string meaning) = result switch
        {
            { IsForeign: true } => (WayState.Refused, "which another VMM gave"),
            { IsFailure: true } => (WayState.Refused, $"which is {result.FailureMeaning}"),
            _ when result.Rax == call.Convention.CreateFrame(call.Number, call.Words).Rax =>
                (WayState.Silent, "and RAX is as it went in: nothing shows that a VMM heard of it"),
            _ when isVmware && (uint)result.Rax == UnservedPort => (WayState.Silent, "as where nobody serves it"),
            _ => (WayState.Works, "which is an answer"),
        };
        string text = $"{call} gave {call.Convention.Result} = {RegisterValue.Hex(result.Value)}, {meaning}.";
        return new WayTrial(state, $"{call}", text, status, result.Rax)
        {
            Served = state == WayState.Works ? call : null,
        };
    }

    private static WayTrial AskCpuid(IHypercallMachine machine)
    {
        const string Call = "CPUID leaf 0x40000000";
        const string OfAnyCpu =
            "It completes on any x86 CPU. Whether a VMM watches one of its leaves, only the VMM's documentation says.";
        HypercallRegisters registers = new() { Rax = 0x4000_0000 };
        HypercallStatus status = machine.Channel.TryInvoke(ref registers);
        return status.IsCompleted
            ? new WayTrial(WayState.Silent, Call, OfAnyCpu, status, registers.Rax)
            : NotCompleted(Call, status);
    }

    /// <summary>What a call says that did not complete.</summary>
    /// <param name="call">What was called.</param>
    /// <param name="status">How it ended.</param>
    /// <param name="isPort">Whether it was to a port.</param>
    internal static WayTrial NotCompleted(string call, HypercallStatus status, bool isPort = false)
    {
        string text = ToolWords.Of(status.ToException().Message);
        bool lacksPermission = isPort && status is { IsFaulted: true, Fault.Kind: CpuFaultKind.GeneralProtection }
            && !RealWays.HasPermission(status.Fault.Target?.Provider);
        return !status.IsFaulted ? new WayTrial(WayState.ChannelRefused, call, text, status)
            : lacksPermission
                ? new WayTrial(WayState.Needs, call, NoPermission, status) { Needs = "permission for the port" }
            : new WayTrial(WayState.Faulted, call, text, status);
    }
}
