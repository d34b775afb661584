using Microsoft.Extensions.Logging;

namespace Hypercall.BitVisor;

internal static partial class BitVisorLog
{
    [LoggerMessage(1, LogLevel.Debug, "VMM function '{Name}' has number {Number}.")]
    public static partial void FunctionFound(ILogger logger, string name, ulong number);

    [LoggerMessage(2, LogLevel.Debug, "VMM function '{Name}' was not found in {Attempts} look-ups.")]
    public static partial void FunctionNotFound(ILogger logger, string name, int attempts);

    [LoggerMessage(3, LogLevel.Debug, "Look-up of '{Name}' gave RAX = 0x{Rax:x}: a VMM answered in another ABI.")]
    public static partial void ForeignAnswer(ILogger logger, string name, ulong rax);
}
