using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Hypercall.Native;

/// <summary>
/// What <see cref="NativeGuestMemory"/> asks of an operating system, once it has checked what it was asked itself.
/// </summary>
internal interface IPlatformMemory
{
    bool TryAllocate(
        long length, GuestBufferOptions options, [NotNullWhen(true)] out GuestBuffer? buffer, [NotNullWhen(false)] out GuestMemoryRefusal? refusal);

    /// <param name="start">Where the window begins.</param>
    /// <param name="length">How many bytes it has.</param>
    /// <param name="handle">What keeps the garbage collector from moving them; disposed with the window, and when there is none.
    /// The default for memory that is not the collector's.</param>
    /// <param name="options">How they are held.</param>
    /// <param name="window">The window.</param>
    /// <param name="refusal">Why there is none.</param>
    bool TryOpenWindow(
        GuestVirtualAddress start,
        long length,
        MemoryHandle handle,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal);

    /// <summary>Closes what is kept open for the next use.</summary>
    void CloseDescriptors();

    bool TryQueryPages(
        GuestVirtualAddress start, long length, [NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal);
}
