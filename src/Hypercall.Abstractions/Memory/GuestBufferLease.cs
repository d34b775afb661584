namespace Hypercall;

/// <summary>
/// Somebody outside this program, a VMM, knows a buffer's address. As long as the lease is not disposed, neither is the buffer.
/// </summary>
public sealed class GuestBufferLease : IDisposable
{
    private GuestBuffer? _buffer;

    internal GuestBufferLease(GuestBuffer buffer, string holder, bool keepsAddress)
    {
        _buffer = buffer;
        Holder = holder;
        KeepsAddress = keepsAddress;
    }

    /// <summary>Who holds it.</summary>
    public string Holder { get; }

    /// <summary>Whether the holder keeps the address; otherwise it is lent for a call.</summary>
    internal bool KeepsAddress { get; }

    /// <summary>Ends the lease. Only when the VMM has let go of the address.</summary>
    public void Dispose() => Interlocked.Exchange(ref _buffer, null)?.EndLease(this);
}
