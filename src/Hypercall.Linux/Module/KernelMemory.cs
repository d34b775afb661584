using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Hypercall.Native;
using Hypercall.Native.Interop;

namespace Hypercall.Linux;

/// <summary>
/// Memory of the guest's kernel, from its module <c>/dev/hypercall</c>: contiguous buffers at addresses that never change, which
/// the module can keep for a VMM when the program ends.
/// </summary>
/// <remarks>
/// <para>
/// It needs what the device needs, CAP_SYS_RAWIO, and no page map. What is asked for of residency and contiguity is always given.
/// Limits are the module's: bytes of a buffer, buffers of an open file, bytes of all together (parameters <c>buffers</c> and
/// <c>largest_total</c>).
/// </para>
/// <para>
/// A <see cref="NativeMachine"/>'s functions take these buffers as any other. The module gives no windows: memory of the
/// program is <see cref="NativeGuestMemory"/>'s. The device is opened when it is first needed. All members may be used from any
/// number of threads.
/// </para>
/// </remarks>
/// <example>
/// <code>
/// using KernelMemory memory = new();
/// using KernelBuffer ring = memory.Allocate(65_536);
/// TransferResult result = function.Transfer(
///     ring, Passing.Contiguous, Direction.FromVmm, TransferRule.CompletedMeansAll, new TransferOptions { KeptBy = "log ring" });
/// </code>
/// </example>
public sealed unsafe class KernelMemory : IGuestMemory, IDisposable
{
    private const string List = "/sys/class/misc/hypercall/kept";

    private readonly IDeviceKernel? _kernel;
    private readonly DeviceAccess _device;
    private readonly Dictionary<ulong, (long Length, GuestPhysicalAddress Physical)> _buffers = []; // by virtual address

    /// <summary>Describes the memory. Nothing is opened.</summary>
    public KernelMemory()
        : this(OperatingSystem.IsLinux() ? LinuxDeviceKernel.Instance : null)
    {
    }

    internal KernelMemory(IDeviceKernel? kernel)
    {
        _kernel = kernel;
        _device = ModuleDevice.Access(kernel);
    }

    /// <summary>Allocates zeroed memory of whole pages.</summary>
    /// <param name="length">Length in bytes, 1 to what the module allows.</param>
    /// <param name="kept">Whether the module keeps it from the start, as <see cref="KernelBuffer.Keep"/> does later.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is not positive.</exception>
    /// <exception cref="GuestMemoryException">The device cannot be used, or the module has no such memory.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    public KernelBuffer Allocate(long length, bool kept = false) =>
        TryAllocate(length, kept, out KernelBuffer? buffer, out GuestMemoryRefusal? refusal)
            ? buffer
            : throw refusal.ToException();

    /// <summary>Allocates zeroed memory of whole pages.</summary>
    /// <param name="length">Length in bytes, 1 to what the module allows.</param>
    /// <param name="kept">Whether the module keeps it from the start, as <see cref="KernelBuffer.Keep"/> does later.</param>
    /// <param name="buffer">The memory; dispose it.</param>
    /// <param name="refusal">Why there is none.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is not positive.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    public bool TryAllocate(
        long length,
        bool kept,
        [NotNullWhen(true)] out KernelBuffer? buffer,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        buffer = null;
        if (_device.Get(out DeviceProblem? problem) is not { } file)
        {
            refusal = problem!.ToMemoryRefusal(ModuleAbi.Device);
            return false;
        }

        ModuleAbi.Buffer request = new() { Size = (ulong)length, Flags = kept ? ModuleAbi.KeptFlag : 0 };
        long error = -file.Control(ModuleAbi.AllocateCommand, &request);
        if (error != 0)
        {
            refusal = NotAllocated(file, length, (int)error);
            return false;
        }

        buffer = TryMap(file, length, new GuestPhysicalAddress(request.Gpa), request.Id, kept, out refusal);
        if (buffer is null)
        {
            uint id = request.Id;
            _ = file.Control(ModuleAbi.ReleaseCommand, &id); // no VMM heard of it
            _ = file.Control(ModuleAbi.FreeCommand, &id);
        }

        return buffer is not null;
    }

    /// <inheritdoc/>
    /// <remarks>The buffer is a <see cref="KernelBuffer"/>, pinned and contiguous, whatever was asked for.</remarks>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    public bool TryAllocate(
        long length,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? buffer,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        ArgumentNullException.ThrowIfNull(options);
        bool done = TryAllocate(length, kept: false, out KernelBuffer? kernels, out refusal);
        buffer = kernels;
        return done;
    }

    /// <summary>Refuses: the module gives memory of its own only.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="options">Residency and contiguity.</param>
    /// <param name="window">Null.</param>
    /// <param name="refusal">Why.</param>
    public bool TryOpenWindow(
        Memory<byte> memory,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        DeviceWindows.Refuse(memory, options, NoWindow, out window, out refusal);

    /// <summary>Refuses: the module gives memory of its own only.</summary>
    /// <param name="start">Where it starts.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="options">Residency and contiguity.</param>
    /// <param name="window">Null.</param>
    /// <param name="refusal">Why.</param>
    public bool TryOpenWindow(
        GuestVirtualAddress start,
        long length,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        DeviceWindows.Refuse(start, length, options, NoWindow, out window, out refusal);

    /// <summary>Says where the pages of a range are, by what the module told. Only of memory that it gave.</summary>
    /// <param name="start">Where the range starts.</param>
    /// <param name="length">Its length in bytes, 1 and more.</param>
    /// <param name="pages">One entry for each page.</param>
    /// <param name="refusal">Why nobody can say: the range is not within one buffer of this object.</param>
    public bool TryQueryPages(
        GuestVirtualAddress start,
        long length,
        [NotNullWhen(true)] out GuestPageMap? pages,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        PageSpan.ThrowIfNotInUserSpace(start, length);
        lock (_buffers)
        {
            foreach ((ulong first, (long most, GuestPhysicalAddress physical)) in _buffers)
            {
                ulong offset = start.Value - first;
                if (offset < (ulong)most && (ulong)length <= (ulong)most - offset)
                {
                    pages = new GuestPageMap(start, length, PagedRange.From(new(physical.Value + offset), length).Frames);
                    refusal = null;
                    return true;
                }
            }
        }

        pages = null;
        refusal = new GuestMemoryRefusal(
            GuestMemoryRefusalReason.PageMapUnavailable,
            "The range is in no buffer of this KernelMemory: the module knows where its own memory is. Ask NativeGuestMemory.");
        return false;
    }

    /// <summary>The buffers that the module keeps, of all programs; some 40, which fit a page of the kernel's text.</summary>
    /// <exception cref="GuestMemoryException">The module's list cannot be read.</exception>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    public IReadOnlyList<KeptBuffer> ListKept() =>
        TryListKept(out IReadOnlyList<KeptBuffer>? kept, out GuestMemoryRefusal? refusal) ? kept : throw refusal.ToException();

    /// <summary>The buffers that the module keeps, of all programs; some 40, which fit a page of the kernel's text.</summary>
    /// <param name="kept">The buffers, by their numbers.</param>
    /// <param name="refusal">Why the list cannot be read.</param>
    public bool TryListKept(
        [NotNullWhen(true)] out IReadOnlyList<KeptBuffer>? kept, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        string? text = _kernel?.TryRead(List);
        kept = text is null
            ? null
            : [.. text.Split('\n').Select(KeptBuffer.TryParse).OfType<KeptBuffer>().OrderBy(one => one.Id)];
        refusal = kept is null ? NoList() : null;
        return kept is not null;
    }

    /// <summary>Maps a kept buffer whose program has ended, to go on reading what the VMM writes there.</summary>
    /// <param name="id">Its number.</param>
    /// <returns>The buffer; <see cref="KernelBuffer.IsKept"/> until <see cref="KernelBuffer.LetGo"/>.</returns>
    /// <exception cref="GuestMemoryException">There is no such buffer, or a program still has it, or the device cannot be
    /// used.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    public KernelBuffer OpenKept(uint id) =>
        TryOpenKept(id, out KernelBuffer? buffer, out GuestMemoryRefusal? refusal) ? buffer : throw refusal.ToException();

    /// <summary>Maps a kept buffer whose program has ended, to go on reading what the VMM writes there.</summary>
    /// <param name="id">Its number.</param>
    /// <param name="buffer">The buffer; <see cref="KernelBuffer.IsKept"/> until <see cref="KernelBuffer.LetGo"/>.</param>
    /// <param name="refusal">Why not.</param>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    public bool TryOpenKept(
        uint id, [NotNullWhen(true)] out KernelBuffer? buffer, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        buffer = null;
        if (_device.Get(out DeviceProblem? problem) is not { } file)
        {
            refusal = problem!.ToMemoryRefusal(ModuleAbi.Device);
            return false;
        }

        if (!TryListKept(out IReadOnlyList<KeptBuffer>? kept, out refusal))
        {
            return false;
        }

        if (kept.FirstOrDefault(one => one.Id == id) is not { } found)
        {
            refusal = NoSuchBuffer(id);
            return false;
        }

        buffer = TryMap(file, found.Length, found.PhysicalAddress, id, isKept: true, out refusal);
        return buffer is not null;
    }

    /// <summary>
    /// Frees a kept buffer whose program has ended; one of this object's stays its own, and is not kept any more. Only when the
    /// VMM has let go of its address.
    /// </summary>
    /// <param name="id">Its number.</param>
    /// <exception cref="GuestMemoryException">There is no such buffer, or another program has it, or the device cannot be
    /// used.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    public void Release(uint id)
    {
        if (!TryRelease(id, out GuestMemoryRefusal? refusal))
        {
            throw refusal.ToException();
        }
    }

    /// <summary>
    /// Frees a kept buffer whose program has ended; one of this object's stays its own, and is not kept any more. Only when the
    /// VMM has let go of its address.
    /// </summary>
    /// <param name="id">Its number.</param>
    /// <param name="refusal">Why not.</param>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    public bool TryRelease(uint id, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        if (_device.Get(out DeviceProblem? problem) is not { } file)
        {
            refusal = problem!.ToMemoryRefusal(ModuleAbi.Device);
            return false;
        }

        long error = -file.Control(ModuleAbi.ReleaseCommand, &id);
        refusal = error switch
        {
            0 => null,
            Errno.ENOENT => NoSuchBuffer(id),
            Errno.EBUSY => new GuestMemoryRefusal(
                GuestMemoryRefusalReason.NoPrivilege,
                $"Another program still has the module's buffer {id} (EBUSY), and it alone can release it. End that program "
                + "first."),
            _ => SystemCall("HYPERCALL_RELEASE", (int)error),
        };
        return refusal is null;
    }

    /// <summary>Closes the device. Buffers stay until each is disposed.</summary>
    public void Dispose() => _device.Dispose();

    internal void Forget(GuestVirtualAddress start)
    {
        lock (_buffers)
        {
            _ = _buffers.Remove(start.Value);
        }
    }

    private static GuestMemoryRefusal NoWindow { get; } = new(
        GuestMemoryRefusalReason.PinningUnavailable,
        "The kernel module gives memory of its own, and cannot hold memory of the program. Open the window by NativeGuestMemory, "
        + "or allocate here and copy.");

    private KernelBuffer? TryMap(
        DeviceFile file, long length, GuestPhysicalAddress physical, uint id, bool isKept, out GuestMemoryRefusal? refusal)
    {
        if (DeviceMapping.TryMap(file, length, (long)id << GuestPage.Shift, out int error) is not { } mapping)
        {
            refusal = error == Errno.ENXIO
                ? NoSuchBuffer(id)
                : new GuestMemoryRefusal(
                    error == Errno.ENOMEM ? GuestMemoryRefusalReason.OutOfMemory : GuestMemoryRefusalReason.SystemCallRefused,
                    $"mmap({ModuleAbi.Device}) of buffer {id}, {length} bytes: {Errno.Describe(error)}. The address space or the "
                    + "number of mappings (vm.max_map_count) may be used up; that is all that the kernel says.");
            return null;
        }

        lock (_buffers)
        {
            _buffers[mapping.Start.Value] = (DeviceMapping.RoundUp(length), physical);
        }

        refusal = null;
        return new KernelBuffer(this, mapping, length, physical, id, isKept);
    }

    private GuestMemoryRefusal NoList()
    {
        using DeviceFile? file = ModuleDevice.TryOpen(_kernel, out _, out DeviceProblem? problem);
        return problem?.ToMemoryRefusal(ModuleAbi.Device) ?? new GuestMemoryRefusal(
            GuestMemoryRefusalReason.SystemCallRefused,
            $"{List} cannot be read, though the device can be opened: mount sysfs, or let the sandbox allow the file.");
    }

    private static GuestMemoryRefusal NoSuchBuffer(uint id) => new(
        GuestMemoryRefusalReason.NotMapped,
        $"The kernel module has no kept buffer {id} that this program may have: it was released, or another program has it. "
        + $"{List} lists them.")
    {
        IsTransient = false,
    };

    private static GuestMemoryRefusal SystemCall(string command, int error) => new(
        GuestMemoryRefusalReason.SystemCallRefused,
        $"ioctl({ModuleAbi.Device}, {command}): {Errno.Describe(error)}. That is all that the kernel says.");

    private static GuestMemoryRefusal NotAllocated(DeviceFile file, long length, int error)
    {
        ModuleAbi.About about = default;
        bool known = file.Control(ModuleAbi.AboutCommand, &about) == 0;
        string limits = known
            ? string.Create(
                CultureInfo.InvariantCulture,
                $": one buffer has {about.LargestBuffer} bytes at most, an open file {about.Buffers} buffers, and all buffers of "
                + $"all files {about.LargestTotal} bytes")
            : "";
        return error switch
        {
            Errno.EINVAL => new GuestMemoryRefusal(
                GuestMemoryRefusalReason.NotContiguous,
                $"The kernel module gives no buffer of {length} bytes{limits}. Allocate less.")
            {
                Limit = known ? (long)Math.Min(about.LargestBuffer, long.MaxValue) : null,
                Needed = known ? length : null,
                IsTransient = false,
            },
            Errno.ENOSPC => new GuestMemoryRefusal(
                GuestMemoryRefusalReason.LockLimit,
                $"A limit of the kernel module is reached{limits}. Dispose buffers, release kept ones (hypercall kept), or let "
                + "root raise it: /sys/module/hypercall/parameters/buffers and largest_total."),
            Errno.ENOMEM => new GuestMemoryRefusal(
                GuestMemoryRefusalReason.OutOfMemory,
                $"The kernel has no {length} contiguous bytes at this moment. Allocate less, or early after boot, before memory "
                + "is fragmented."),
            _ => SystemCall("HYPERCALL_ALLOCATE", error),
        };
    }
}
