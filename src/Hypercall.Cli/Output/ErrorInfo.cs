using Hypercall.BitVisor;
using Hypercall.Cli.CommandLine;

namespace Hypercall.Cli.Output;

/// <summary>An error in JSON: what happened in one word, the whole story, and the numbers that mattered.</summary>
internal sealed record ErrorInfo(string Kind, string Message)
{
    /// <summary>The name that was looked up, where one was.</summary>
    public string? Function { get; init; }

    /// <summary>What a foreign VMM left in RAX.</summary>
    public string? Rax { get; init; }

    public FaultInfo? Fault { get; init; }

    /// <summary>Why memory was refused.</summary>
    public string? Reason { get; init; }

    /// <summary>Where to read on.</summary>
    public string? Hint { get; init; }

    public static ErrorInfo Of(Exception error)
    {
        ErrorInfo info = new(ExitCodes.KindOf(error), ExitCodes.For(error) switch
        {
            ExitCode.Cancelled => "Cancelled.",
            ExitCode.Internal => $"Internal error, please report it: {error.GetType().FullName}: {error.Message}",
            _ => error.Message,
        });
        return error switch
        {
            VmmFunctionNotFoundException notFound => info with { Function = notFound.Name },
            ForeignVmmException foreign => info with { Function = foreign.Name, Rax = RegisterValue.Hex(foreign.Rax) },
            HypercallFaultException faulted => info with { Fault = FaultInfo.Of(faulted.Fault) },
            GuestMemoryException refused => info with { Reason = CamelCase(refused.Refusal.Reason.ToString()) },
            _ => info,
        };
    }

    private static string CamelCase(string name) => char.ToLowerInvariant(name[0]) + name[1..];
}
