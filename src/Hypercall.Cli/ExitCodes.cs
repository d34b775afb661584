using Hypercall.BitVisor;
using Hypercall.Cli.CommandLine;

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
        (ExitCode.ForeignVmm, "a VMM answered, but in another ABI"),
        (ExitCode.Unsupported, "this platform cannot"),
        (ExitCode.MemoryRefused, "memory or privilege was refused"),
        (ExitCode.Untrusted, "a transfer cannot be trusted"),
        (ExitCode.Internal, "internal error: please report it"),
        (ExitCode.Cancelled, "cancelled (Ctrl-C)"),
    ];

    public static ExitCode For(Exception error) => error switch
    {
        UsageException => ExitCode.Usage,
        VmmFunctionNotFoundException => ExitCode.Refused,
        HypercallFaultException => ExitCode.Faulted,
        ForeignVmmException => ExitCode.ForeignVmm,
        HypercallProviderException or PlatformNotSupportedException => ExitCode.Unsupported,
        GuestMemoryException { Refusal.Reason: GuestMemoryRefusalReason.PlatformNotSupported } => ExitCode.Unsupported,
        GuestMemoryException or UnauthorizedAccessException => ExitCode.MemoryRefused,
        OperationCanceledException => ExitCode.Cancelled,
        _ => ExitCode.Internal,
    };

    /// <summary>The same in one word, for JSON. It says what happened, where the code says what a script may do.</summary>
    public static string KindOf(Exception error) => error switch
    {
        UsageException => "usage",
        VmmFunctionNotFoundException => "functionNotFound",
        HypercallFaultException => "fault",
        ForeignVmmException => "foreignVmm",
        HypercallProviderException => "noProvider",
        PlatformNotSupportedException => "platformNotSupported",
        GuestMemoryException => "memory",
        UnauthorizedAccessException => "privilege",
        OperationCanceledException => "cancelled",
        _ => "internal",
    };
}
