using System.Diagnostics.CodeAnalysis;
using Hypercall.Native;
using Hypercall.Native.Interop;

namespace Hypercall.Linux;

/// <summary>
/// Memory of the guest's kernel, by its module: physically contiguous, pinned by its nature, at an address that the module tells.
/// No page map is asked, and no privilege but the device's own is needed.
/// </summary>
/// <remarks>
/// <code>
///   allocated --a lease that keeps the address, or Keep()--> kept --the last such lease ends, and LetGo()--> as before
///       | Dispose, or the program ends                         | the program ends, also by SIGKILL
///       v                                                      v
///     freed                                          the module keeps it for the VMM, until KernelMemory.Release(Id),
///                                                    or root, releases it; the module cannot be unloaded meanwhile
/// </code>
/// A transfer with <see cref="TransferOptions.KeptBy"/> takes such a lease before the VMM hears of the address.
/// </remarks>
public sealed unsafe class KernelBuffer : GuestBuffer
{
    private readonly KernelMemory _memory;
    private readonly DeviceMapping _mapping;
    private readonly Lock _keep = new();
    private NativeMemoryManager? _manager;
    private bool _isKeptByUser;
    private bool _isKeptByLease;

    internal KernelBuffer(
        KernelMemory memory, DeviceMapping mapping, long length, GuestPhysicalAddress physical, uint id, bool isKept)
        : base(mapping.Start, length, Residency.Pinned, Contiguity.Contiguous)
    {
        _memory = memory;
        _mapping = mapping;
        _isKeptByUser = isKept;
        PhysicalAddress = physical;
        Id = id;
        ExcludedFrom = mapping.Excluded;
    }

    /// <summary>Gives the mapping back when nobody did; what the VMM was told of stays with the module.</summary>
    ~KernelBuffer()
    {
        // No field may be trusted after a constructor that threw.
        if (_mapping is not null && !IsDisposed && MayReleaseInFinalizer())
        {
            Release();
        }
    }

    /// <summary>Its number in the module, 1 and more: for <see cref="KernelMemory.OpenKept"/> and
    /// <see cref="KernelMemory.Release"/>.</summary>
    public uint Id { get; }

    /// <summary>The guest physical address of its first byte; it never changes.</summary>
    public GuestPhysicalAddress PhysicalAddress { get; }

    /// <summary>Whether the module keeps it past the end of the program.</summary>
    public bool IsKept
    {
        get
        {
            lock (_keep)
            {
                return _isKeptByUser || _isKeptByLease;
            }
        }
    }

    /// <inheritdoc/>
    protected internal override GuestPhysicalAddress? FixedAddress => PhysicalAddress;

    /// <summary>
    /// Marks it kept, before a VMM is told the address by hand: from now on it survives <see cref="GuestBuffer.Dispose()"/> and
    /// the end of the program. Done twice, nothing more happens.
    /// </summary>
    /// <exception cref="GuestMemoryException">The module does not keep it.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public void Keep()
    {
        using InFlight use = EnterCall();
        lock (_keep)
        {
            if (Mark(_isKeptByUser || _isKeptByLease) is { } refusal)
            {
                throw new GuestMemoryException(refusal);
            }

            _isKeptByUser = true;
        }
    }

    /// <summary>
    /// Takes <see cref="Keep"/> back, after the VMM has let go of the address, never before. A lease that keeps the address keeps
    /// the buffer all the same.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The buffer was disposed: see <see cref="KernelMemory.Release"/>.</exception>
    public void LetGo()
    {
        using InFlight use = EnterCall();
        lock (_keep)
        {
            if (_isKeptByUser && !_isKeptByLease)
            {
                Unmark();
            }

            _isKeptByUser = false;
        }
    }

    /// <inheritdoc/>
    protected override GuestMemoryRefusal? BeginHold()
    {
        lock (_keep)
        {
            GuestMemoryRefusal? refusal = Mark(_isKeptByUser || _isKeptByLease);
            _isKeptByLease = refusal is null;
            return refusal;
        }
    }

    /// <inheritdoc/>
    protected override void EndHold()
    {
        lock (_keep)
        {
            if (!_isKeptByUser)
            {
                Unmark();
            }

            _isKeptByLease = false;
        }
    }

    /// <inheritdoc/>
    protected override Memory<byte> GetMemory(long offset, int length) =>
        NativeMemoryManager.Slice(this, ref _manager, offset, length);

    /// <inheritdoc/>
    protected override void TouchPages(long offset, long length)
    {
        // The module mapped them all, and they never leave.
    }

    /// <inheritdoc/>
    protected override bool TryQueryPagesCore(
        [NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        pages = new GuestPageMap(Address, Length, PagedRange.From(PhysicalAddress, Length).Frames);
        refusal = null;
        return true;
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        uint id = Id;
        bool isKept = _isKeptByUser || _isKeptByLease;
        if (!isKept)
        {
            _mapping.Clear();
        }

        _memory.Forget(Address);
        _mapping.Unmap();
        if (!isKept)
        {
            _ = _mapping.File.ControlHeld(ModuleAbi.FreeCommand, &id); // a child may have it mapped: then it goes with the file
        }

        _mapping.LetGo();
    }

    private GuestMemoryRefusal? Mark(bool isKept)
    {
        uint id = Id;
        long error = isKept ? 0 : -_mapping.File.ControlHeld(ModuleAbi.KeepCommand, &id);
        return error == 0 ? null : new GuestMemoryRefusal(
            GuestMemoryRefusalReason.SystemCallRefused,
            $"The kernel module does not keep the buffer: ioctl(HYPERCALL_KEEP): {Errno.Describe((int)error)}. Nobody was told "
            + "its address. Allocate another one.");
    }

    // Root may have released it before: that is no error.
    private void Unmark()
    {
        uint id = Id;
        _ = _mapping.File.ControlHeld(ModuleAbi.ReleaseCommand, &id);
    }
}
