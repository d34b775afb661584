using System.Globalization;

namespace Hypercall.Native;

/// <summary>Refusals before memory is asked for.</summary>
internal static class LimitRefusals
{
    /// <summary>For a limit that the request would pass.</summary>
    /// <param name="limit">The limit.</param>
    /// <param name="asked">What was asked for, in bytes.</param>
    /// <param name="demand">What it takes.</param>
    public static GuestMemoryRefusal Passed(MemoryLimit limit, long asked, MemoryDemand demand)
    {
        long used = limit.Value - limit.Left;
        string swap = demand.MaySwap && limit.Swap > 0 ? Invariant($" and {limit.Swap} of swap space") : "";
        string kept = limit.Reserve > 0 ? Invariant($", up to {limit.Reserve} of which are kept for the program itself") : "";
        string taken = used > 0 ? Invariant($": it is {limit.Value} bytes, and {used} are used")
            : limit.Kind == MemoryLimitKind.Memory ? "" // it tells what is left, and no more
            : ": nothing of it is used yet";
        return new GuestMemoryRefusal(
            limit.Kind == MemoryLimitKind.File
                ? GuestMemoryRefusalReason.PinningUnavailable // only ramfs makes files: what it is for has other ways, and a fallback
                : GuestMemoryRefusalReason.OutOfMemory,
            Invariant($"{asked} bytes were asked for, and {Math.Max(limit.Left, 0)}{swap} are left by {limit.What}{kept}{taken}. ")
            + limit.Remedy)
        {
            Limit = limit.Value,
            Needed = used + asked,
        };
    }

    /// <summary>For a process that has too many mappings.</summary>
    /// <param name="asked">What was asked for, in bytes.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="limit">vm.max_map_count.</param>
    public static GuestMemoryRefusal TooManyMappings(long asked, long count, long limit) => new(
        GuestMemoryRefusalReason.OutOfMemory,
        Invariant($"{asked} bytes would take mappings of their own, and this process has {count} of {limit} (vm.max_map_count; ")
        + Invariant($"neighbours that the kernel merged count each), {MappingLimit.Reserve(limit)} of which are kept for the runtime, ")
        + "which ends the process when it cannot map. Ask for fewer, larger buffers and hand over slices of them, or raise the limit "
        + Invariant($"(sysctl -w vm.max_map_count={4 * limit})."))
    {
        Limit = limit,
        Needed = count + 1,
    };

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
