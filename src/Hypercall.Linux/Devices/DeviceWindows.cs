using System.Diagnostics.CodeAnalysis;
using Hypercall.Native;

namespace Hypercall.Linux;

/// <summary>Windows onto memory of the program, of which a device has none: the arguments are judged, and it is refused.</summary>
internal static class DeviceWindows
{
    public static bool Refuse(
        Memory<byte> memory,
        GuestBufferOptions options,
        GuestMemoryRefusal why,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (memory.IsEmpty)
        {
            throw new ArgumentException("A window has 1 byte or more; the memory is empty.", nameof(memory));
        }

        window = null;
        refusal = why;
        return false;
    }

    public static bool Refuse(
        GuestVirtualAddress start,
        long length,
        GuestBufferOptions options,
        GuestMemoryRefusal why,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        PageSpan.ThrowIfNotInUserSpace(start, length);
        ArgumentNullException.ThrowIfNull(options);
        window = null;
        refusal = why;
        return false;
    }
}
