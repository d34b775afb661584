namespace Hypercall.Native;

/// <summary>The whole pages that a byte range touches.</summary>
/// <remarks>
/// <code>
///   pages:  |      |      |      |
///   bytes:     ####################      the range may start and end anywhere,
///           ^ Start              ^ End   the pages are what the kernel locks, pins and translates
/// </code>
/// </remarks>
/// <param name="Start">Address of the first page.</param>
/// <param name="End">Address after the last page.</param>
internal readonly record struct PageSpan(nuint Start, nuint End)
{
    // The lower half of the 48-bit address space, Intel SDM vol. 1, 3.3.7.1. A process gets addresses above it only if it asks
    // mmap for them.
    public const ulong UserSpaceEnd = 0x0000_8000_0000_0000;

    public nuint Length => End - Start;

    public static PageSpan Of(GuestVirtualAddress start, long length) => new(
        (nuint)(start.Value & ~(GuestPage.Size - 1ul)),
        (nuint)((start.Value + (ulong)length + GuestPage.Size - 1) & ~(GuestPage.Size - 1ul)));

    public static void ThrowIfNotInUserSpace(GuestVirtualAddress start, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        if (start.Value == 0)
        {
            throw new ArgumentOutOfRangeException(nameof(start), "The range starts at address 0: a null pointer is no memory.");
        }

        if (start.Value >= UserSpaceEnd || (ulong)length > UserSpaceEnd - start.Value)
        {
            throw new ArgumentOutOfRangeException(
                nameof(length), $"{length} bytes at {start} leave the address space of a process, which ends at 0x{UserSpaceEnd:x}.");
        }
    }
}
