using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Hypercall.Native;

/// <summary>Refuses everything, on an operating system or a CPU that this library does not know.</summary>
internal sealed class UnsupportedGuestMemory : IPlatformMemory
{
    private static GuestMemoryRefusal Refusal => new(
        GuestMemoryRefusalReason.PlatformNotSupported,
        $"Guest memory is held and translated on x86-64 under Linux or Windows; this is {RuntimeInformation.ProcessArchitecture} under "
        + $"{RuntimeInformation.OSDescription}. Use the fake machine of Hypercall.Testing here.");

    public bool TryAllocate(
        long length, GuestBufferOptions options, [NotNullWhen(true)] out GuestBuffer? buffer, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        Refuse(out buffer, out refusal);

    public bool TryOpenWindow(
        GuestVirtualAddress start,
        long length,
        MemoryHandle handle,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        handle.Dispose();
        return Refuse(out window, out refusal);
    }

    public bool TryQueryPages(
        GuestVirtualAddress start, long length, [NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        Refuse(out pages, out refusal);

    public void CloseDescriptors()
    {
        // There are none.
    }

    private static bool Refuse<T>(out T? nothing, out GuestMemoryRefusal refusal)
        where T : class
    {
        nothing = null;
        refusal = Refusal;
        return false;
    }
}
