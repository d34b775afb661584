using Hypercall.BitVisor;
using Hypercall.Cli.CommandLine;

namespace Hypercall.Cli.Output;

/// <summary>An error in JSON: what happened in one word, the whole message, and the numbers that mattered.</summary>
internal sealed record ErrorInfo(string Kind, string Message)
{
    /// <summary>The name that was looked up, where one was.</summary>
    public string? Function { get; init; }

    /// <summary>What a foreign VMM left in RAX.</summary>
    public string? Rax { get; init; }

    public FaultInfo? Fault { get; init; }

    /// <summary>Why memory was refused.</summary>
    public string? Reason { get; init; }

    /// <summary>How many bytes of a transfer are known to have arrived.</summary>
    public long? BytesDone { get; init; }

    /// <summary>Where to read on.</summary>
    public string? Hint { get; init; }

    public static ErrorInfo Of(Exception error)
    {
        (ExitCode code, string kind) = ExitCodes.Classify(error);
        ErrorInfo info = new(kind, code switch
        {
            ExitCode.Cancelled when error is not TransferCanceledException => "Cancelled.",
            ExitCode.Internal => $"Internal error, please report it: {error.GetType().FullName}: {error.Message}",
            _ => error.Message,
        });
        return error switch
        {
            VmmFunctionNotFoundException notFound => info with { Function = notFound.Name },
            VmmFunctionDisabledException disabled => info with { Function = disabled.Name },
            VmmFunctionFailedException failed => info with { Function = failed.Name },
            ForeignVmmException foreign => info with { Function = foreign.Name, Rax = RegisterValue.Hex(foreign.Rax) },
            HypercallFaultException faulted => info with { Fault = FaultInfo.Of(faulted.Fault) },
            GuestMemoryException refused => info with { Reason = CamelCase(refused.Refusal.Reason) },
            TransferException transfer => info.With(transfer.Result),
            TransferCanceledException transfer => info.With(transfer.Result),
            _ => info,
        };
    }

    private ErrorInfo With(TransferResult result) => this with
    {
        BytesDone = result.BytesDone,
        Fault = result.Outcome == TransferOutcome.Faulted ? FaultInfo.Of(result.Fault) : null,
        Reason = result.Refusal is { } refusal ? CamelCase(refusal.Reason) : null,
    };

    private static string CamelCase(GuestMemoryRefusalReason reason)
    {
        string name = reason.ToString();
        return char.ToLowerInvariant(name[0]) + name[1..];
    }
}
