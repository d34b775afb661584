namespace Hypercall.Native;

/// <summary>What sysinfo(2) says, which no mount can change.</summary>
/// <param name="TotalBytes">All usable memory.</param>
/// <param name="FreeBytes">Memory that holds nothing, and buffers of block devices.</param>
/// <param name="FreeSwapBytes">Swap space that holds nothing.</param>
internal readonly record struct SystemInfo(long TotalBytes, long FreeBytes, long FreeSwapBytes);
