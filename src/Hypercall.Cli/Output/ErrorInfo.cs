using Hypercall.BitVisor;
using Hypercall.Cli.CommandLine;

namespace Hypercall.Cli.Output;

/// <summary>An error in JSON: what happened in one word, the whole message, and the numbers that mattered.</summary>
internal sealed record ErrorInfo(string Kind, string Message)
{
    /// <summary>The function that was looked up or called: its name, or its convention and number.</summary>
    public string? Function { get; init; }

    /// <summary>What a foreign VMM left in RAX.</summary>
    public string? Rax { get; init; }

    public FaultInfo? Fault { get; init; }

    /// <summary>Why memory was refused.</summary>
    public string? Reason { get; init; }

    /// <summary>How many bytes of a transfer are known to have arrived.</summary>
    public long? BytesDone { get; init; }

    /// <summary>What it came from, where the message does not say it already: the nearest cause first.</summary>
    public IReadOnlyList<string> Causes { get; init; } = [];

    /// <summary>What was doubtful before.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Where to read on.</summary>
    public string? Hint { get; init; }

    /// <summary>All of it for people, a line each.</summary>
    public IEnumerable<string> ToLines() => [Message, .. Causes.Select(cause => $"Because: {cause}"), .. Hint is null ? (string[])[] : [Hint]];

    public static ErrorInfo Of(Exception error)
    {
        if (error is CallFailedException call)
        {
            ErrorInfo of = Of(call.Cause);
            bool namesIt = call.Cause is ForeignVmmException
                or VmmFunctionNotFoundException or VmmFunctionDisabledException or VmmFunctionFailedException;
            string message = namesIt ? of.Message : $"{call.Function}: {of.Message}";
            return of with { Message = message, Function = call.Function, Warnings = call.Warnings };
        }

        (ExitCode code, string kind) = ExitCodes.Classify(error);
        ErrorInfo info = new(kind, code switch
        {
            ExitCode.Cancelled when error is not TransferCanceledException => "Cancelled.",
            ExitCode.Internal => $"Internal error, please report it: {error.GetType().FullName}: {error.Message}",
            _ => Told(error),
        })
        {
            Causes = code == ExitCode.Cancelled ? [] : [.. CausesOf(error, error)],
        };
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

    private static IEnumerable<string> CausesOf(Exception error, Exception outermost)
    {
        IReadOnlyCollection<Exception> causes = error is AggregateException many ? many.InnerExceptions : error.InnerException is { } inner ? [inner] : [];
        foreach (Exception cause in causes)
        {
            bool isSaid = cause is AggregateException || Says(error, cause) || Says(outermost, cause);
            if (!isSaid)
            {
                yield return ToolWords.Of(cause.Message);
            }

            foreach (string deeper in CausesOf(cause, outermost))
            {
                yield return deeper;
            }
        }
    }

    // The message of an AggregateException is made of those of its causes, and has no words of its own.
    private static bool Says(Exception error, Exception cause) =>
        error is not AggregateException && error.Message.Contains(cause.Message.TrimEnd('.'), StringComparison.Ordinal);

    // The tool's own errors speak its words already, and name files and functions as their user does.
    private static string Told(Exception error) => error is UsageException or OutputException ? error.Message : ToolWords.Of(error.Message);

    private ErrorInfo With(TransferResult result) => this with
    {
        BytesDone = result.BytesDone,
        Fault = result.Outcome == TransferOutcome.Faulted ? FaultInfo.Of(result.Fault) : null,
        Rax = result.Outcome == TransferOutcome.ForeignVmm ? RegisterValue.Hex(result.Registers.Rax) : null,
        Reason = result.Refusal is { } refusal ? CamelCase(refusal.Reason) : null,
    };

    private static string CamelCase(GuestMemoryRefusalReason reason)
    {
        string name = reason.ToString();
        return char.ToLowerInvariant(name[0]) + name[1..];
    }
}
