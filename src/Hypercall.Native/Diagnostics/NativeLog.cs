using Microsoft.Extensions.Logging;

namespace Hypercall.Native.Diagnostics;

internal static partial class NativeLog
{
    [LoggerMessage(101, LogLevel.Debug, "Hypercalls go out by {Way} on {Vendor}, as provider {Provider} says.")]
    public static partial void WayChosen(ILogger logger, string way, string vendor, string provider);

    [LoggerMessage(102, LogLevel.Information, "{First} raised {Fault} on {Vendor}, and {Second} did not: hypercalls go out by {Second} from now on.")]
    public static partial void InstructionSwitched(ILogger logger, string first, string fault, string vendor, string second);

    [LoggerMessage(103, LogLevel.Information, "Neither instruction completed on {Vendor}: {First} raised {FirstFault}, {Second} raised {SecondFault}. The second is not tried again.")]
    public static partial void NoInstructionWorks(ILogger logger, string first, string firstFault, string second, string secondFault, string vendor);
}
