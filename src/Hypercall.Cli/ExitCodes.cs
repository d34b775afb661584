using Hypercall.BitVisor;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Output;
using Hypercall.Native;
using Hypercall.Testing;

namespace Hypercall.Cli;

/// <summary>The one place that says what an exit code means, and which error ends with which code.</summary>
internal static class ExitCodes
{
    /// <summary>The codes and their meaning, as <c>hypercall --help</c> prints them.</summary>
    public static IReadOnlyList<(ExitCode Code, string Meaning)> All { get; } =
    [
        (ExitCode.Done, "done"),
        (ExitCode.Refused, "the VMM or the function said no"),
        (ExitCode.Usage, "bad usage"),
        (ExitCode.Faulted, "the CPU raised a fault on the instruction"),
        (ExitCode.ForeignVmm, "another VMM answered: what it answered proves it"),
        (ExitCode.Unsupported, "this platform cannot"),
        (ExitCode.MemoryRefused, "memory or privilege was refused"),
        (ExitCode.Untrusted, "a transfer cannot be trusted, or would have destroyed a real machine"),
        (ExitCode.Internal, "internal error: please report it"),
        (ExitCode.OutputLost, "what was to be printed or kept could not be written, as on a full disk"),
        (ExitCode.Cancelled, "cancelled (Ctrl-C)"),
        (ExitCode.ReaderGone, "the reader of the output went away, as head does"),
    ];

    public static ExitCode For(Exception error) => Classify(error).Code;

    /// <summary>The code, and in one word what happened, for JSON: several things that happen end with the same code.</summary>
    public static (ExitCode Code, string Kind) Classify(Exception error) => error switch
    {
        CallFailedException call => Classify(call.Cause),
        UsageException => (ExitCode.Usage, "usage"),
        OutputException { IsReaderGone: true } => (ExitCode.ReaderGone, "readerGone"),
        OutputException => (ExitCode.OutputLost, "outputLost"),
        VmmFunctionNotFoundException => (ExitCode.Refused, "functionNotFound"),
        VmmFunctionDisabledException => (ExitCode.Refused, "functionDisabled"),
        VmmFunctionFailedException => (ExitCode.Refused, "functionFailed"),
        HypercallFaultException => (ExitCode.Faulted, "fault"),
        HypercallRefusedException => (ExitCode.MemoryRefused, "channelRefused"),
        ForeignVmmException => (ExitCode.ForeignVmm, "foreignVmm"),
        HypercallProviderException => (ExitCode.Unsupported, "noProvider"),
        PlatformNotSupportedException => (ExitCode.Unsupported, "platformNotSupported"),
        GuestMemoryException refused => Classify(refused.Refusal),
        ExecutableMemoryException => (ExitCode.MemoryRefused, "executableMemory"),
        UnauthorizedAccessException => (ExitCode.MemoryRefused, "privilege"),
        TransferException transfer => Classify(transfer.Result),
        FakeMachineException => (ExitCode.Untrusted, "fakeMachineBroken"), // on a real machine, memory of somebody else would be corrupted, or the machine down
        OperationCanceledException => (ExitCode.Cancelled, "cancelled"),
        _ => (ExitCode.Internal, "internal"),
    };

    private static (ExitCode Code, string Kind) Classify(GuestMemoryRefusal refusal) => refusal.Reason == GuestMemoryRefusalReason.PlatformNotSupported
        ? (ExitCode.Unsupported, "platformNotSupported")
        : (ExitCode.MemoryRefused, "memory");

    private static (ExitCode Code, string Kind) Classify(TransferResult result) => result.Outcome switch
    {
        TransferOutcome.Incomplete => (ExitCode.Refused, "transferIncomplete"),
        TransferOutcome.FunctionFailed => (ExitCode.Refused, "functionFailed"),
        TransferOutcome.ForeignVmm => (ExitCode.ForeignVmm, "foreignVmm"),
        TransferOutcome.Faulted => (ExitCode.Faulted, "fault"),
        TransferOutcome.ChannelRefused => (ExitCode.MemoryRefused, "channelRefused"),
        TransferOutcome.Refused => Classify(result.Refusal!),
        TransferOutcome.Moved => (ExitCode.Untrusted, "memoryMoved"),
        TransferOutcome.Canceled => (ExitCode.Cancelled, "cancelled"),
        _ => (ExitCode.Internal, "internal"),
    };
}
