using System.Diagnostics.CodeAnalysis;

namespace Hypercall;

/// <summary>
/// Memory of this process that can be handed to a VMM, and the addresses at which the VMM finds it. The real one locks and
/// pins pages of the operating system; the fake one pages them out under your feet.
/// </summary>
public interface IGuestMemory
{
    /// <summary>Allocates zeroed, page-aligned memory outside the GC heap.</summary>
    /// <param name="length">Length in bytes, 1 to what the machine allows.</param>
    /// <param name="options">Residency and contiguity.</param>
    /// <param name="buffer">The memory; dispose it.</param>
    /// <param name="refusal">Why there is none: which limit, and its remedy.</param>
    /// <returns>Whether there is a buffer.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is not positive.</exception>
    bool TryAllocate(
        long length,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? buffer,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal);

    /// <summary>
    /// Opens a window onto memory that exists already: it is made resident as asked, never zeroed, and never freed. Disposing the
    /// window gives back only what the window added.
    /// </summary>
    /// <param name="memory">
    /// The memory; an array must lie on the pinned object heap (<see cref="GC.AllocateArray{T}(int, bool)"/>), or be pinned by
    /// its owner, for as long as the window is open. The window keeps it alive.
    /// </param>
    /// <param name="options">Residency and contiguity.</param>
    /// <param name="window">The window; dispose it.</param>
    /// <param name="refusal">Why there is none.</param>
    /// <returns>Whether there is a window.</returns>
    /// <exception cref="ArgumentException"><paramref name="memory"/> is empty.</exception>
    bool TryOpenWindow(
        Memory<byte> memory,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal);

    /// <summary>Opens a window onto unmanaged memory of this process, at any byte offset.</summary>
    /// <param name="start">Where it starts.</param>
    /// <param name="length">Its length in bytes, 1 and more.</param>
    /// <param name="options">Residency and contiguity.</param>
    /// <param name="window">The window; dispose it before the memory is freed.</param>
    /// <param name="refusal">Why there is none.</param>
    /// <returns>Whether there is a window.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty, wraps, or leaves the address space.</exception>
    bool TryOpenWindow(
        GuestVirtualAddress start,
        long length,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal);

    /// <summary>Asks the kernel where the pages of a range are at this moment.</summary>
    /// <param name="start">Where the range starts.</param>
    /// <param name="length">Its length in bytes, 1 and more.</param>
    /// <param name="pages">One entry for each page that the range touches.</param>
    /// <param name="refusal">Why the kernel did not answer: no pagemap, or no access to it.</param>
    /// <returns>Whether the kernel answered. The answer tells each page apart: present, swapped, not mapped, frame
    /// hidden.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty, wraps, or leaves the address space.</exception>
    bool TryQueryPages(
        GuestVirtualAddress start,
        long length,
        [NotNullWhen(true)] out GuestPageMap? pages,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal);
}
