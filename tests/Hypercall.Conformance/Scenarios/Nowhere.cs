namespace Hypercall.Conformance.Scenarios;

/// <summary>Addresses at which a program has nothing.</summary>
internal static class Nowhere
{
    /// <summary>
    /// Page 0, which Linux maps for nobody; the last page of the lower half, never mapped (TASK_SIZE_MAX); just above it, not
    /// canonical; far from canonical.
    /// </summary>
    public static ulong[] VirtualAddresses { get; } = [0, 8, 0x0000_7FFF_FFFF_F000, 0x0000_8000_0000_0000, 0x1234_5678_9ABC_D000, 0xFFFF_7FFF_FFFF_FFF8];

    /// <summary>
    /// Between the memory and the devices below 4 GiB; far above the memory of the rig's guests, and where the fake has none (it
    /// has from 4 GiB to 2^47 bytes and from 2^48 on); and what no physical address can be (52 bits: Intel SDM vol. 3A, section
    /// 4.1.4).
    /// </summary>
    public static ulong[] PhysicalAddresses { get; } = [3ul << 46, (3ul << 46) + 8, 0xA000_0000, (1ul << 48) - 4096, 1ul << 52];
}
