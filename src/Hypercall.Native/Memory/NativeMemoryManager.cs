using System.Buffers;

namespace Hypercall.Native;

/// <summary>
/// Some bytes of a buffer as <see cref="Memory{T}"/>. It keeps the buffer alive, and refuses to show the bytes after it was
/// disposed.
/// </summary>
/// <remarks>
/// A <see cref="MemoryHandle"/> is a lease: somebody holds a pointer, so the buffer refuses to be disposed before the handle is.
/// </remarks>
internal sealed unsafe class NativeMemoryManager(GuestBuffer buffer, long offset, int length) : MemoryManager<byte>
{
    private readonly Stack<GuestBufferLease> _pins = new();

    private byte* Pointer => (byte*)buffer.Address.Value + offset;

    public override Span<byte> GetSpan()
    {
        ObjectDisposedException.ThrowIf(buffer.IsDisposed, buffer);
        return new Span<byte>(Pointer, length);
    }

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(elementIndex);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(elementIndex, length);
        // A pointer of this process moves with its page: no VMM knows the address by this lease.
        GuestBufferLease lease = buffer.LeaseForCall("a MemoryHandle");
        lock (_pins)
        {
            _pins.Push(lease);
        }

        return new MemoryHandle(Pointer + elementIndex, default, this);
    }

    public override void Unpin()
    {
        lock (_pins)
        {
            if (_pins.TryPop(out GuestBufferLease? lease))
            {
                lease.Dispose();
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        // The buffer owns the bytes.
    }
}
