using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Hypercall;

/// <summary>
/// Memory that can be handed to a VMM: page by page where it was asked to be, for as long as it is not disposed.
/// </summary>
/// <remarks>
/// <para>
/// A <see cref="Span{T}"/> taken before <see cref="Dispose()"/> is not protected: afterwards it points to memory that is gone,
/// and so it does when nothing but the span is left of a buffer that nobody disposed. Keep the buffer in a <c>using</c>.
/// </para>
/// <para>
/// While a call uses the buffer's address, or the VMM keeps it, the buffer is leased. <see cref="Dispose()"/> waits for calls in
/// flight, and refuses while somebody holds a <see cref="GuestBufferLease"/>.
/// </para>
/// </remarks>
public abstract class GuestBuffer : IDisposable
{
    private readonly object _gate = new();
    private readonly List<int> _callers = [];          // managed thread ids of calls in flight; a handful, reused
    private readonly List<GuestBufferLease> _leases = [];
    private int _holds;                                // leases of those who keep the address
    private int _disposer;                             // managed thread id of whoever waits for the calls, and then releases; 0: nobody
    private int _waiting;                              // threads in Dispose that wait
    private bool _disposed;
    private bool _released;

    /// <summary>Describes a buffer.</summary>
    /// <param name="address">Where it starts.</param>
    /// <param name="length">Its length in bytes, 1 and more.</param>
    /// <param name="residency">What holds its pages.</param>
    /// <param name="contiguity">How its frames lie.</param>
    protected GuestBuffer(GuestVirtualAddress address, long length, Residency residency, Contiguity contiguity)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        Address = address;
        Length = length;
        Residency = residency;
        Contiguity = contiguity;
    }

    /// <summary>The guest virtual address of the first byte.</summary>
    public GuestVirtualAddress Address { get; }

    /// <summary>Length in bytes.</summary>
    public long Length { get; }

    /// <summary>What holds the pages: what was asked for, or a fallback if that was allowed.</summary>
    public Residency Residency { get; }

    /// <summary>How the frames lie: what was asked for, or a fallback if that was allowed.</summary>
    public Contiguity Contiguity { get; }

    /// <summary>
    /// What the operating system keeps the memory out of. Memory of <see cref="IGuestMemory"/> on Linux: core dumps and forked
    /// children, unless the kernel or a sandbox refuses it. A window, and memory on Windows: none.
    /// </summary>
    public ExcludedCopies ExcludedFrom { get; protected init; }

    /// <summary>Whether <see cref="Dispose()"/> was called.</summary>
    public bool IsDisposed => Volatile.Read(ref _disposed);

    /// <summary>Who holds a lease at this moment: what a VMM was told, and has not let go of.</summary>
    public IReadOnlyList<GuestBufferLease> Leases
    {
        get
        {
            lock (_gate)
            {
                return [.. _leases];
            }
        }
    }

    /// <summary>Whether a call in flight or a VMM uses the address at this moment.</summary>
    public bool IsLeased
    {
        get
        {
            lock (_gate)
            {
                return _callers.Count + _leases.Count != 0;
            }
        }
    }

    /// <summary>
    /// The guest physical address of the first byte, where whoever gave the memory said it, it never changes, and all other bytes
    /// follow it: a buffer of the guest's kernel. Then nobody else is asked where the pages are. Null, the default, otherwise.
    /// </summary>
    protected internal virtual GuestPhysicalAddress? FixedAddress => null;

    /// <summary>All bytes.</summary>
    /// <exception cref="InvalidOperationException">The buffer is longer than 2 GiB: use <see cref="AsMemory"/>.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public Span<byte> Span => Memory.Span;

    /// <summary>All bytes.</summary>
    /// <exception cref="InvalidOperationException">The buffer is longer than 2 GiB: use <see cref="AsMemory"/>.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public Memory<byte> Memory => Length <= int.MaxValue
        ? AsMemory(0, (int)Length)
        : throw new InvalidOperationException($"The buffer has {Length} bytes; a span holds {int.MaxValue} at most. Take parts with AsMemory.");

    /// <summary>Some of the bytes.</summary>
    /// <param name="offset">Where they start, in bytes from the start of the buffer.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">The slice leaves the buffer.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public Memory<byte> AsMemory(long offset, int length)
    {
        ThrowIfOutside(offset, length);
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        return GetMemory(offset, length);
    }

    /// <summary>Some of the bytes, to be transferred.</summary>
    /// <param name="offset">Where they start, in bytes from the start of the buffer.</param>
    /// <param name="length">How many, 1 and more.</param>
    /// <exception cref="ArgumentOutOfRangeException">The slice is empty, or leaves the buffer.</exception>
    public GuestSlice Slice(long offset, long length) => new(this, offset, length);

    /// <summary>The bytes as values of a type; bytes at the end that do not fill one are left out.</summary>
    /// <typeparam name="T">A type without references.</typeparam>
    /// <exception cref="InvalidOperationException">The buffer is longer than 2 GiB.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public Span<T> AsSpan<T>()
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(Span);

    /// <summary>
    /// Writes to each page without changing it, so that each is present and the process's own at this moment: brings swapped
    /// pages back, and breaks copy-on-write.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    /// <exception cref="GuestMemoryException">A page cannot be written to.</exception>
    public void Touch() => Touch(0, Length);

    /// <summary>Writes to each page of a part without changing it, as <see cref="Touch()"/> does for all.</summary>
    /// <param name="offset">Where the part starts, in bytes from the start of the buffer.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part leaves the buffer.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    /// <exception cref="GuestMemoryException">A page cannot be written to.</exception>
    public void Touch(long offset, long length)
    {
        ThrowIfOutside(offset, length);
        using InFlight use = EnterCall();
        TouchInCall(offset, length);
    }

    /// <summary>Asks the kernel where the pages are at this moment.</summary>
    /// <param name="pages">One entry for each page.</param>
    /// <param name="refusal">Why the kernel did not answer.</param>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public bool TryQueryPages([NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        using InFlight use = EnterCall();
        return TryQueryPagesCore(out pages, out refusal);
    }

    /// <summary>
    /// Keeps the buffer from being disposed while somebody outside this program, a VMM, knows its address.
    /// </summary>
    /// <param name="holder">Who holds it, for the message of a refused <see cref="Dispose()"/>.</param>
    /// <param name="acceptMemoryCorruptionIfPagesMove">
    /// Accepts memory that is not pinned: when a page moves, the VMM reads or overwrites memory of somebody else.
    /// </param>
    /// <returns>The lease. Dispose it after the VMM has let go of the address, never before.</returns>
    /// <exception cref="GuestMemoryException">The memory is not pinned, or whoever gave it cannot hold it.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public GuestBufferLease Lease(string holder, bool acceptMemoryCorruptionIfPagesMove = false)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(holder);
        if (Residency != Residency.Pinned && !acceptMemoryCorruptionIfPagesMove)
        {
            throw new GuestMemoryException(GuestMemoryRefusal.ForResidency(Residency, $"'{holder}' keeps its address", $"{nameof(acceptMemoryCorruptionIfPagesMove)}: true"));
        }

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_holds == 0 && BeginHold() is { } refusal)
            {
                throw new GuestMemoryException(refusal);
            }

            _holds++;
            GuestBufferLease lease = new(this, holder, keepsAddress: true);
            _leases.Add(lease);
            return lease;
        }
    }

    /// <summary>
    /// Zeroes, unpins, unlocks and frees the memory, once all calls in flight have returned. A window only gives back what it
    /// added. A second call waits until the first has released the memory.
    /// </summary>
    /// <remarks>
    /// Threads that would wait for each other for ever (each in a call, each disposing the other's buffer) do not: the one that
    /// would close the circle gets the exception.
    /// </remarks>
    /// <exception cref="InvalidOperationException">
    /// Somebody holds a lease; or a call that uses the buffer is in flight on this very thread; or on one that waits, in a
    /// <see cref="Dispose()"/> of its own, for a call on this thread. Nothing was changed.
    /// </exception>
    /// <exception cref="ThreadInterruptedException">The thread was interrupted while it waited. Nothing was released: dispose the
    /// buffer again.</exception>
    public void Dispose()
    {
        int thread = Environment.CurrentManagedThreadId;
        DisposeTurn turn;
        do
        {
            turn = WaitForTurn(thread);
        }
        while (turn == DisposeTurn.Again);

        if (turn == DisposeTurn.Over)
        {
            return;
        }

        try
        {
            Release();
        }
        finally
        {
            EnterThoughInterrupted(_gate);
            _released = true;
            WakeWaiting();
            Monitor.Exit(_gate);
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>
    /// Marks a call in flight that uses <see cref="Address"/>, for calls that are made by hand: until the mark is disposed, on
    /// the same thread, <see cref="Dispose()"/> on another one waits. Transfers do it themselves.
    /// </summary>
    /// <example>
    /// <code>
    /// using (buffer.EnterCall())
    /// {
    ///     foo.Call(buffer.Address.Value, (ulong)buffer.Length);
    /// }
    /// </code>
    /// </example>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public InFlight EnterCall()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _callers.Add(Environment.CurrentManagedThreadId);
        }

        return new InFlight(this);
    }

    /// <summary>
    /// As <see cref="Touch(long, long)"/>, between <see cref="EnterCall"/> and its end: there the memory is still ours even when
    /// a
    /// <see cref="Dispose()"/> on another thread waits already.
    /// </summary>
    internal void TouchInCall(long offset, long length)
    {
        if (length != 0)
        {
            TouchPages(offset, length);
        }
    }

    /// <summary>The threads that a waiting Dispose waits for: those in calls, and the one that releases.</summary>
    internal int[] WaitedFor()
    {
        lock (_gate)
        {
            return _released ? [] : [_disposer, .. _callers]; // no thread has the id 0
        }
    }

    /// <summary>
    /// A lease that asks for no residency: for the time of a call, in which the memory is as fit as in any call that is made by
    /// hand.
    /// </summary>
    internal GuestBufferLease LeaseForCall(string holder)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            GuestBufferLease lease = new(this, holder, keepsAddress: false);
            _leases.Add(lease);
            return lease;
        }
    }

    internal void EndLease(GuestBufferLease lease)
    {
        lock (_gate)
        {
            if (_leases.Remove(lease) && lease.KeepsAddress && --_holds == 0)
            {
                EndHold();
            }
        }
    }

    /// <summary>For a finalizer of a buffer that nobody disposed: whether its memory may be freed.</summary>
    /// <returns>False if a lease is still held: then the memory must leak, for a VMM may still use its address.</returns>
    protected bool MayReleaseInFinalizer() => _callers.Count + _leases.Count == 0;

    /// <summary>Some of the bytes; the range was checked.</summary>
    /// <param name="offset">Where they start.</param>
    /// <param name="length">How many.</param>
    protected abstract Memory<byte> GetMemory(long offset, int length);

    /// <summary>Writes to each page of a part without changing it; the part was checked.</summary>
    /// <param name="offset">Where it starts.</param>
    /// <param name="length">Its length in bytes, 1 and more.</param>
    protected abstract void TouchPages(long offset, long length);

    /// <summary>Asks the kernel where the pages are.</summary>
    /// <param name="pages">One entry for each page.</param>
    /// <param name="refusal">Why the kernel did not answer.</param>
    protected abstract bool TryQueryPagesCore(
        [NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal);

    /// <summary>Zeroes, unpins, unlocks and frees the memory. Called once, when nobody uses it any more.</summary>
    protected abstract void Release();

    /// <summary>
    /// Somebody outside this program is about to be told the address, and keeps it: called before the first such lease, for
    /// memory that must then outlive the program. Calls no member of the buffer.
    /// </summary>
    /// <returns>Why the memory cannot be held, and then there is no lease; null when it is.</returns>
    protected virtual GuestMemoryRefusal? BeginHold() => null;

    /// <summary>Nobody keeps the address any more: called after the last such lease. Calls no member of the buffer.</summary>
    protected virtual void EndHold()
    {
    }

    private DisposeTurn WaitForTurn(int thread)
    {
        bool entered = false;
        bool waits = false;
        try
        {
            bool isFirst;
            lock (DisposeWaits.Gate)
            {
                Monitor.Enter(_gate, ref entered);
                if (_released || _disposer == thread)
                {
                    return DisposeTurn.Over; // the latter: Release() led back here
                }

                isFirst = _disposer == 0;
                ThrowIfHeld(thread);
                if (!isFirst || _callers.Count != 0)
                {
                    if (DisposeWaits.WouldNeverEnd(thread, isFirst ? _callers : [_disposer, .. _callers]))
                    {
                        throw new InvalidOperationException(
                            "Disposing the buffer would never end: it waits for a call on another thread, and that thread waits, in a Dispose of its own, for a call on this one. "
                            + "Dispose the buffer after the call on this thread has returned.");
                    }

                    waits = true;
                    _waiting++;
                    DisposeWaits.Begin(thread, this);
                }

                if (isFirst)
                {
                    _disposer = thread;
                    Volatile.Write(ref _disposed, true); // from here on no call begins
                }
            }

            return isFirst ? WaitForCalls() : WaitForRelease();
        }
        finally
        {
            if (waits)
            {
                _waiting--;
                DisposeWaits.End(thread);
            }

            if (entered)
            {
                Monitor.Exit(_gate);
            }
        }
    }

    private DisposeTurn WaitForCalls()
    {
        try
        {
            while (_callers.Count != 0)
            {
                _ = Monitor.Wait(_gate);
            }

            return DisposeTurn.Mine;
        }
        catch (ThreadInterruptedException)
        {
            // Nothing was released: it can be disposed again, by who waits behind this thread, too, and a finalizer will.
            _disposer = 0;
            Volatile.Write(ref _disposed, false);
            WakeWaiting();
            throw;
        }
    }

    private DisposeTurn WaitForRelease()
    {
        while (_disposer != 0 && !_released)
        {
            _ = Monitor.Wait(_gate);
        }

        return _released ? DisposeTurn.Over : DisposeTurn.Again;
    }

    // A pulse that nobody waits for costs more than all the rest of a call's two ends.
    private void WakeWaiting()
    {
        if (_waiting != 0)
        {
            Monitor.PulseAll(_gate);
        }
    }

    private void ThrowIfHeld(int thread)
    {
        if (_leases.Count != 0)
        {
            throw new InvalidOperationException(
                $"The buffer is leased to '{string.Join("', '", _leases.Select(lease => lease.Holder))}': freeing it would hand a live address to "
                + "somebody else. Make the VMM let go of it, dispose the lease, then the buffer.");
        }

        if (_callers.Contains(thread))
        {
            throw new InvalidOperationException("A call that uses the buffer is in flight on this thread. Dispose the buffer after it returns.");
        }
    }

    // Monitor.Enter of a thread that was interrupted throws where it would have to wait.
    private static void EnterThoughInterrupted(object gate)
    {
        bool interrupted = false;
        while (true)
        {
            try
            {
                Monitor.Enter(gate);
                break;
            }
            catch (ThreadInterruptedException)
            {
                interrupted = true;
            }
        }

        if (interrupted)
        {
            Thread.CurrentThread.Interrupt();
        }
    }

    private void ThrowIfOutside(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - offset);
    }

    private enum DisposeTurn
    {
        /// <summary>Calls have ended, and this thread releases.</summary>
        Mine,

        /// <summary>It was released.</summary>
        Over,

        /// <summary>Who was at it was interrupted: whoever waited may take its place.</summary>
        Again,
    }

    /// <summary>A call in flight that uses the buffer's address.</summary>
    public readonly ref struct InFlight
    {
        private readonly GuestBuffer _buffer;

        internal InFlight(GuestBuffer buffer) => _buffer = buffer;

        /// <summary>The call has returned.</summary>
        public void Dispose()
        {
            GuestBuffer buffer = _buffer;
            EnterThoughInterrupted(buffer._gate); // a mark that stayed would hold Dispose for ever
            _ = buffer._callers.Remove(Environment.CurrentManagedThreadId);
            buffer.WakeWaiting();
            Monitor.Exit(buffer._gate);
        }
    }
}
