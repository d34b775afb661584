using System.Diagnostics.CodeAnalysis;
using Hypercall.Native;

namespace Hypercall.Linux;

/// <summary>Pages of /dev/xen/hypercall.</summary>
internal sealed class XenBuffer : GuestBuffer
{
    private readonly DeviceMapping _mapping;
    private NativeMemoryManager? _manager;

    public XenBuffer(DeviceMapping mapping, long length, Contiguity contiguity)
        : base(mapping.Start, length, Residency.Pinned, contiguity)
    {
        _mapping = mapping;
        ExcludedFrom = mapping.Excluded;
    }

    ~XenBuffer()
    {
        // No field may be trusted after a constructor that threw.
        if (_mapping is not null && !IsDisposed && MayReleaseInFinalizer())
        {
            Release();
        }
    }

    protected override Memory<byte> GetMemory(long offset, int length) =>
        NativeMemoryManager.Slice(this, ref _manager, offset, length);

    protected override void TouchPages(long offset, long length)
    {
        // Mapped at once, and never absent: privcmd_buf_mmap.
    }

    protected override bool TryQueryPagesCore(
        [NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        pages = null;
        refusal = XenMemory.NoPageMap;
        return false;
    }

    protected override void Release()
    {
        _mapping.Clear();
        _mapping.Unmap();
        _mapping.LetGo();
    }
}
