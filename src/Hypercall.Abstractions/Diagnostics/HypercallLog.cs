using Microsoft.Extensions.Logging;

namespace Hypercall;

internal static partial class HypercallLog
{
    [LoggerMessage(1, LogLevel.Debug, "{Target} raised {Fault}.")]
    public static partial void Faulted(ILogger logger, string target, string fault);

    [LoggerMessage(2, LogLevel.Debug, "VMM function '{Name}' has number {Number}.")]
    public static partial void FunctionFound(ILogger logger, string name, ulong number);

    [LoggerMessage(3, LogLevel.Debug, "VMM function '{Name}' was not found in {Attempts} look-ups.")]
    public static partial void FunctionNotFound(ILogger logger, string name, int attempts);

    [LoggerMessage(4, LogLevel.Debug, "Look-up of '{Name}' gave RAX = 0x{Rax:x}: a VMM answered in another ABI.")]
    public static partial void ForeignAnswer(ILogger logger, string name, ulong rax);
}
