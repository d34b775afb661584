namespace Hypercall.Cli.Output;

/// <summary>What <c>--json</c> prints instead of a result when a command fails.</summary>
internal sealed record ErrorReport(ErrorInfo Error, int ExitCode);
