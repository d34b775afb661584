namespace Hypercall.Cli.CommandLine;

/// <summary>What was asked makes no sense, found out after parsing and before any exit to the VMM.</summary>
internal sealed class UsageException(string message, Exception? innerException = null) : Exception(message, innerException);
