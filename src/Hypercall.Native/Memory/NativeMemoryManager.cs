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

    /// <summary>Some bytes of a buffer.</summary>
    /// <param name="buffer">The buffer.</param>
    /// <param name="whole">Its manager for all of its bytes, which is made once; a buffer longer than a span gets one a
    /// slice.</param>
    /// <param name="offset">Where they start, in bytes from the start of the buffer.</param>
    /// <param name="length">How many.</param>
    public static Memory<byte> Slice(GuestBuffer buffer, ref NativeMemoryManager? whole, long offset, int length) =>
        buffer.Length <= int.MaxValue
            ? (whole ??= new NativeMemoryManager(buffer, 0, (int)buffer.Length)).Memory.Slice((int)offset, length)
            : new NativeMemoryManager(buffer, offset, length).Memory;

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
