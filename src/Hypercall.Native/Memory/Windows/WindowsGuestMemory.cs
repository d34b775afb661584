using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Hypercall.Native.Interop;
using Microsoft.Extensions.Logging;

namespace Hypercall.Native;

/// <summary>
/// Guest memory on Windows: touched and locked, for handing over by guest virtual address. No user-space program learns a frame
/// there, or holds one.
/// </summary>
internal sealed class WindowsGuestMemory(ILogger logger) : IPlatformMemory
{
    public bool TryAllocate(
        long length, GuestBufferOptions options, [NotNullWhen(true)] out GuestBuffer? buffer, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        WindowsHold? hold = null;
        GuestVirtualAddress address = default;
        bool done = false;
        try
        {
            done = MemoryFallback.TryGet(
                length,
                options,
                logger,
                (Residency residency, Contiguity contiguity, out GuestMemoryRefusal? why) =>
                {
                    why = RefusePhysical(residency, contiguity, length <= GuestPage.Size);
                    if (why is null && hold is null)
                    {
                        address = new GuestVirtualAddress((ulong)Kernel32.VirtualAlloc(
                            0, (nuint)length, Kernel32.MemCommit | Kernel32.MemReserve, Kernel32.PageReadWrite));
                        int error = Marshal.GetLastPInvokeError();
                        if (address.Value == 0)
                        {
                            why = WindowsMemory.Refuse("VirtualAlloc", length, error);
                            return null;
                        }

                        hold = new WindowsHold(address, length, isOurs: true, default);
                    }

                    return why is null ? Hold(hold!, address, length, residency, contiguity, out why) : null;
                },
                out buffer,
                out refusal);
            return done;
        }
        finally
        {
            if (!done)
            {
                hold?.Release();
            }
        }
    }

    public bool TryOpenWindow(
        GuestVirtualAddress start,
        long length,
        MemoryHandle handle,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        WindowsHold hold = new(start, length, isOurs: false, handle);
        return MemoryFallback.TryGet(
            hold,
            length,
            options,
            logger,
            (Residency residency, Contiguity contiguity, out GuestMemoryRefusal? why) =>
            {
                why = RefusePhysical(residency, contiguity, GuestPage.Count(start, length) == 1);
                return why is null ? Hold(hold, start, length, residency, contiguity, out why) : null;
            },
            out window,
            out refusal);
    }

    public bool TryQueryPages(
        GuestVirtualAddress start, long length, [NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        pages = null;
        refusal = Physical("translate an address to a guest physical one");
        return false;
    }

    public void CloseDescriptors()
    {
        // There are none.
    }

    private static GuestMemoryRefusal? RefusePhysical(Residency residency, Contiguity contiguity, bool onePage) =>
        contiguity == Contiguity.Contiguous && !onePage ? Physical("get contiguous memory and prove it")
        : residency == Residency.Pinned ? Physical("pin pages to their frames")
        : null;

    private static GuestMemoryRefusal Physical(string what) => new(
        GuestMemoryRefusalReason.PlatformNotSupported,
        $"On Windows no user-space program can {what}: VirtualLock keeps pages in memory but not in their frames, and frame numbers are for drivers only. Hand memory over by "
        + "guest virtual address with Residency.Locked, which works.");

    private NativeGuestBuffer? Hold(
        WindowsHold hold, GuestVirtualAddress start, long length, Residency residency, Contiguity contiguity, out GuestMemoryRefusal? refusal)
    {
        refusal = hold.Touch();
        refusal ??= residency == Residency.Locked ? hold.Lock() : null;
        return refusal is null ? new NativeGuestBuffer(start, length, residency, contiguity, hold, this, logger) : null;
    }
}
