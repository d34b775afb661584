using Hypercall.Native.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Hypercall.Native.Execution;

/// <summary>
/// A channel that tries another instruction once, when the first one faults before it has ever completed, and remembers the one
/// that completes.
/// </summary>
/// <remarks>
/// <code>
///                   first completes                    -> First    (never the other again)
/// Undecided --+---- first faults, the other does not   -> Second   (never the first again)
///             +---- both fault                         -> Neither  (the first, and its fault, from now on)
/// </code>
/// Only a fault that a wrong instruction raises counts: #UD, #GP, or a #PF on the bytes of the instruction. Any other one from
/// the second, such as a #PF on a buffer, is an answer: it is the VMM that injects it.
/// </remarks>
internal sealed class FallbackChannel(
    IHypercallChannel first, IHypercallChannel second, HypercallTarget firstTarget, HypercallTarget secondTarget, ILogger logger) : IHypercallChannel, IManyFrames
{
    private readonly Lock _trial = new();
    private volatile int _choice;

    public RegisterSet Carries => first.Carries.Intersect(second.Carries);

    public RegisterSet Returns => first.Returns.Intersect(second.Returns);

    public IReadOnlyList<KeyValuePair<RegisterField, ulong>> Constants { get; } = [.. first.Constants, .. second.Constants];

    public HypercallStatus TryInvoke(ref HypercallRegisters registers)
    {
        if (_choice == Choice.Second)
        {
            return second.TryInvoke(ref registers);
        }

        HypercallStatus status = first.TryInvoke(ref registers);
        if (_choice is Choice.First or Choice.Neither)
        {
            return status;
        }

        if (status.IsCompleted)
        {
            _ = Interlocked.CompareExchange(ref _choice, Choice.First, Choice.Undecided);
            return status;
        }

        return IsWrongInstruction(in status) ? TryOther(in status, ref registers) : status;
    }

    /// <inheritdoc/>
    public HypercallStatus TryInvokeAll(Span<HypercallRegisters> frames, out int completed)
    {
        completed = 0;
        while (_choice == Choice.Undecided && completed < frames.Length)
        {
            HypercallStatus status = TryInvoke(ref frames[completed]);
            if (!status.IsCompleted)
            {
                return status;
            }

            completed++;
        }

        IHypercallChannel chosen = _choice == Choice.Second ? second : first;
        HypercallStatus rest = chosen.TryInvokeAll(frames[completed..], out int more);
        completed += more;
        return rest;
    }

    private static bool IsWrongInstruction(in HypercallStatus status) => status.Fault.Kind switch
    {
        CpuFaultKind.InvalidOpcode or CpuFaultKind.GeneralProtection => true,
        CpuFaultKind.PageFault => status.Fault.IsOnInstruction,
        _ => false,
    };

    private HypercallStatus TryOther(in HypercallStatus firstStatus, ref HypercallRegisters registers)
    {
        // One at a time: the other instruction is tried once, not once by each thread that came here.
        lock (_trial)
        {
            if (_choice == Choice.Undecided)
            {
                HypercallStatus status = second.TryInvoke(ref registers);
                if (status.IsRefused)
                {
                    return status; // nothing was executed: the next call decides
                }

                int choice = status.IsCompleted || !IsWrongInstruction(in status) ? Choice.Second : Choice.Neither;
                if (Interlocked.CompareExchange(ref _choice, choice, Choice.Undecided) == Choice.Undecided)
                {
                    Report(choice, in firstStatus, in status);
                }

                return choice == Choice.Second ? status : firstStatus;
            }
        }

        return _choice == Choice.Second ? second.TryInvoke(ref registers) : firstStatus;
    }

    private void Report(int choice, in HypercallStatus firstStatus, in HypercallStatus secondStatus)
    {
        if (!logger.IsEnabled(LogLevel.Information))
        {
            return;
        }

        if (choice == Choice.Second)
        {
            NativeLog.InstructionSwitched(
                logger, firstTarget.Way, firstStatus.Fault.Mnemonic, firstTarget.Cpu.Vendor, secondTarget.Way);
        }
        else
        {
            NativeLog.NoInstructionWorks(
                logger, firstTarget.Way, firstStatus.Fault.Mnemonic, secondTarget.Way, secondStatus.Fault.Mnemonic, firstTarget.Cpu.Vendor);
        }
    }

    private static class Choice
    {
        public const int Undecided = 0;
        public const int First = 1;
        public const int Second = 2;
        public const int Neither = 3;
    }
}
