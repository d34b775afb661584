using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hypercall.Native;

/// <summary>
/// Memory of this process, held by the operating system as asked: touched, locked or pinned, scattered or contiguous, and
/// translated to guest physical addresses.
/// </summary>
/// <remarks>
/// <list type="table">
/// <listheader><term>asked</term><description>Linux x86-64; Windows x86-64</description></listheader>
/// <item><term><see cref="Residency.Touched"/></term><description>each page is written to (madvise MADV_POPULATE_WRITE, or an
/// atomic OR of 0 by the kernel); by a store</description></item>
/// <item><term><see cref="Residency.Locked"/></term><description>mlock, bounded by RLIMIT_MEMLOCK; VirtualLock, bounded by the
/// working set</description></item>
/// <item><term><see cref="Residency.Pinned"/></term><description>registered as an io_uring fixed buffer, bounded by
/// RLIMIT_MEMLOCK; where io_uring is disabled and the process may mount, pages of a ramfs; Windows: refused,
/// <see cref="GuestMemoryRefusalReason.PlatformNotSupported"/></description></item>
/// <item><term><see cref="Contiguity.Contiguous"/></term><description>one page; one huge page or more that happen to be
/// neighbours, checked by
/// <c>/proc/self/pagemap</c>, which needs CAP_SYS_ADMIN; Windows: one page only</description></item>
/// </list>
/// <para>Memory that this class allocates is left out of the kernel's core dumps (MADV_DONTDUMP: what was meant for a VMM is
/// nobody else's, and a dump of pinned gigabytes fills a disk; .NET's own dumps with heap, and full ones, hold it all the same)
/// and of forked children (MADV_DONTFORK: a fork would make each page copy-on-write, and the next store of this process would
/// move the page away from the frame that the VMM was told), unless the kernel or a sandbox refuses that:
/// <see cref="GuestBuffer.ExcludedFrom"/>.</para>
/// <para>A window's memory is not ours to mark so: do not fork, other than to execute a program, while the VMM knows a window's
/// address.</para>
/// <para>Safe for use by many threads at a time.</para>
/// </remarks>
public sealed class NativeGuestMemory : IGuestMemory
{
    private readonly IPlatformMemory _platform;

    /// <summary>
    /// Creates the memory of this process. Many may exist side by side: locks and pins are counted once for the process.
    /// </summary>
    /// <param name="logger">Told of a buffer that leaked because it was never disposed and a VMM may still know its
    /// address.</param>
    /// <param name="pinning">What pins pages; where that cannot, asking for pinned memory is refused. The default is what works
    /// best.</param>
    /// <param name="keepPrivileges">
    /// Keeps, on Linux, the rights that the process has at this moment: this object's page map, its io_uring, and where that
    /// cannot be had its ramfs, are opened now, and serve it also after the process gave root up. It then knows frame numbers,
    /// and pins past RLIMIT_MEMLOCK, for everybody who can reach it. The default is that what was opened with other capabilities
    /// than those of the calling thread is closed, and opened anew with what it has.
    /// </param>
    public NativeGuestMemory(
        ILogger<NativeGuestMemory>? logger = null, PinningMechanism pinning = PinningMechanism.Best, bool keepPrivileges = false)
        : this((ILogger?)logger, pinning, keepPrivileges)
    {
    }

    internal NativeGuestMemory(ILogger? logger, PinningMechanism pinning, bool keepPrivileges = false)
        : this(PlatformMemory(logger ?? NullLogger.Instance, pinning, keepPrivileges))
    {
    }

    internal NativeGuestMemory(IPlatformMemory platform) => _platform = platform;

    /// <inheritdoc/>
    public bool TryAllocate(
        long length,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? buffer,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentNullException.ThrowIfNull(options);
        return _platform.TryAllocate(length, options, out buffer, out refusal);
    }

    /// <inheritdoc/>
    public unsafe bool TryOpenWindow(
        Memory<byte> memory,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (memory.IsEmpty)
        {
            throw new ArgumentException("A window has 1 byte or more; the memory is empty.", nameof(memory));
        }

        MemoryHandle handle = memory.Pin();
        return _platform.TryOpenWindow(new GuestVirtualAddress((ulong)handle.Pointer), memory.Length, handle, options, out window, out refusal);
    }

    /// <inheritdoc/>
    public bool TryOpenWindow(
        GuestVirtualAddress start,
        long length,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        PageSpan.ThrowIfNotInUserSpace(start, length);
        ArgumentNullException.ThrowIfNull(options);
        return _platform.TryOpenWindow(start, length, handle: default, options, out window, out refusal);
    }

    /// <inheritdoc/>
    public bool TryQueryPages(
        GuestVirtualAddress start,
        long length,
        [NotNullWhen(true)] out GuestPageMap? pages,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        PageSpan.ThrowIfNotInUserSpace(start, length);
        return _platform.TryQueryPages(start, length, out pages, out refusal);
    }

    /// <summary>
    /// Closes what is kept open for the next use: the page map, the ramfs, and each io_uring when the last buffer that it pins is
    /// released. Buffers stay as they are, and the next use opens what it needs with the rights of then. Call it when the process
    /// gives root up, so that not even a descriptor is left. All objects that keep no privileges share what they open.
    /// </summary>
    public void CloseDescriptors() => _platform.CloseDescriptors();

    private static IPlatformMemory PlatformMemory(ILogger logger, PinningMechanism pinning, bool keepPrivileges) =>
        RuntimeInformation.ProcessArchitecture != Architecture.X64 ? new UnsupportedGuestMemory()
        : OperatingSystem.IsLinux() ? OnLinux(logger, pinning, keepPrivileges)
        : OperatingSystem.IsWindows() ? new WindowsGuestMemory(logger)
        : new UnsupportedGuestMemory();

    private static LinuxGuestMemory OnLinux(ILogger logger, PinningMechanism pinning, bool keepPrivileges)
    {
        LinuxDescriptors descriptors = keepPrivileges ? new LinuxDescriptors(keepsPrivileges: true) : LinuxDescriptors.Process;
        if (keepPrivileges)
        {
            descriptors.Open(pinning);
        }

        return new LinuxGuestMemory(logger, pinning, descriptors);
    }
}
