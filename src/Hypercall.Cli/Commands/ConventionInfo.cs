using Hypercall.Cli.CommandLine;

namespace Hypercall.Cli.Commands;

/// <summary>What a convention says of a result, in JSON.</summary>
/// <param name="Name">The convention.</param>
/// <param name="ResultRegister">Where the result comes back.</param>
/// <param name="Result">Its value.</param>
/// <param name="Failed">Whether that means failure.</param>
/// <param name="Failure">The failure in words; null when there is none.</param>
internal sealed record ConventionInfo(string Name, string ResultRegister, string Result, bool Failed, string? Failure)
{
    public static ConventionInfo Of(in HypercallResult result) => new(
        result.Convention.Name,
        result.Convention.Result.ToString().ToLowerInvariant(),
        RegisterValue.Hex(result.Value),
        result.IsFailure,
        result.FailureMeaning);

    /// <summary>A sentence for people.</summary>
    public string Describe(HypercallConvention convention) =>
        $"{Name}: {ResultRegister.ToUpperInvariant()} = {Result}, which "
        + (Failed ? $"means failure: {Failure}."
            : convention.Failure == HypercallFailureRule.Never ? "only the function's own documentation can call a failure."
            : $"does not mean failure; what does: {convention.Failure.Description}.");
}
