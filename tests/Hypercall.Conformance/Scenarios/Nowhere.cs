namespace Hypercall.Conformance.Scenarios;

/// <summary>Addresses at which a program has nothing.</summary>
internal static class Nowhere
{
    /// <summary>Page 0, which Linux maps for nobody; the last page of the lower half, never mapped (TASK_SIZE_MAX); just above it, not canonical; far from canonical.</summary>
    public static ulong[] VirtualAddresses { get; } = [0, 8, 0x0000_7FFF_FFFF_F000, 0x0000_8000_0000_0000, 0x1234_5678_9ABC_D000, 0xFFFF_7FFF_FFFF_FFF8];

    /// <summary>Far above the memory of the rig's guests, and of the fake's.</summary>
    public static ulong[] PhysicalAddresses { get; } = [1ul << 39, 1ul << 45, (1ul << 51) + 8, (1ul << 52) - 4096];
}
