using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Hypercall.Conformance.Interop;

namespace Hypercall.Conformance;

/// <summary>The kernel module's buffer as the library's kind of memory: contiguous, and pinned by its nature.</summary>
internal sealed unsafe class KernelBuffer : GuestBuffer
{
    private readonly Mapping _mapping;
    private readonly long _mapped;

    public KernelBuffer(nint start, long length, long mapped, GuestPhysicalAddress physical)
        : base(new GuestVirtualAddress((ulong)start), length, Residency.Pinned, Contiguity.Contiguous)
    {
        _mapping = new Mapping((byte*)start, (int)length);
        _mapped = mapped;
        Physical = physical;
    }

    /// <summary>Where it lies, as the kernel says.</summary>
    public GuestPhysicalAddress Physical { get; }

    protected override Memory<byte> GetMemory(long offset, int length) => _mapping.Memory.Slice((int)offset, length);

    protected override void TouchPages(long offset, long length)
    {
        // Mapped page by page when it was opened, and never anything else than present.
    }

    protected override bool TryQueryPagesCore([NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        GuestPage[] all = new GuestPage[GuestPage.Count(Address, Length)];
        for (int page = 0; page < all.Length; page++)
        {
            all[page] = GuestPage.InFrame(new GuestFrameNumber(Physical.Frame.Value + (ulong)page));
        }

        pages = new GuestPageMap(Address, Length, all);
        refusal = null;
        return true;
    }

    protected override void Release() => _ = Libc.Unmap((nint)Address.Value, (nuint)_mapped);

    private sealed class Mapping(byte* start, int length) : MemoryManager<byte>
    {
        public override Span<byte> GetSpan() => new(start, length);

        public override MemoryHandle Pin(int elementIndex = 0) => new(start + elementIndex);

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
