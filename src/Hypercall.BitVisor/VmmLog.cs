using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Hypercall.BitVisor;

/// <summary>
/// The VMM's log, as text that arrives: a ring of the guest's that the VMM writes to, set by its function <c>log_set_buf</c>.
/// </summary>
/// <remarks>
/// <code>
///   ring  offset  0            4                                       length
///                 u32 unread   the VMM writes on from here   -->   ... and begins at 4 again
/// </code>
/// <para>
/// The function is for the guest's kernel: the client's machine needs a channel that calls at CPL 0 (the kernel module). From
/// user mode the VMM refuses it without a word, and no text ever comes. The whole guest has one ring: who sets one takes it from
/// who had it.
/// </para>
/// <para>
/// Older builds count the bytes that they wrote, newer ones do not (since 2023 the count becomes old AND 1). Both are read here:
/// the reader puts a NUL in place of each byte that it took, so what is not NUL is new. NULs of the VMM's own are left out.
/// Source: matsu/bitvisor, core/vmmcall_log.c.
/// </para>
/// <para>
/// The VMM keeps the address, also when the program is killed: use memory that then stays where it is, such as a
/// <c>KernelBuffer</c> of the package Hypercall.Linux. All members may be used from any number of threads.
/// </para>
/// </remarks>
public sealed class VmmLog : IDisposable
{
    private const string FunctionName = "log_set_buf";
    private const string Holder = "the VMM's log";
    private const int First = sizeof(uint);

    private readonly Lock _gate = new();
    private readonly HypercallFunction _function;
    private readonly GuestBuffer _ring;
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private readonly byte[] _bytes;
    private readonly char[] _characters;
    private GuestBufferLease? _lease;
    private int _position;  // of the next byte, from First on
    private long _settled;  // bytes taken that the count still holds
    private bool _counts;   // it has been seen to count
    private bool _isLost;   // the ring was full, and where the VMM stands in it is not known

    private VmmLog(HypercallFunction function, GuestBuffer ring, GuestBufferLease lease)
    {
        _function = function;
        _ring = ring;
        _lease = lease;
        _bytes = new byte[(int)ring.Length - First];
        _characters = new char[Encoding.UTF8.GetMaxCharCount(_bytes.Length)];
    }

    /// <summary>Zeroes a ring and hands it to the VMM, which writes its log there from now on.</summary>
    /// <param name="vmm">The VMM, over a channel that calls at CPL 0.</param>
    /// <param name="ring">The ring: pinned, contiguous, 5 bytes to 16 MiB. It is leased until the log is disposed, which does not
    /// dispose the ring.</param>
    /// <exception cref="ArgumentOutOfRangeException">The ring has no room for text, or is longer than 16 MiB.</exception>
    /// <exception cref="VmmFunctionNotFoundException">The VMM has no such log.</exception>
    /// <exception cref="ForeignVmmException">A VMM answered in another ABI.</exception>
    /// <exception cref="GuestMemoryException">The ring is not pinned, or not contiguous; nothing was handed over.</exception>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the look-up.</exception>
    /// <exception cref="HypercallRefusedException">The channel itself refused a call.</exception>
    /// <exception cref="TransferException">The call faulted: whether the VMM has the ring is not known. The exception's result
    /// has the lease.</exception>
    public static VmmLog Start(BitVisorClient vmm, GuestBuffer ring)
    {
        const int Longest = 16 << 20;
        ArgumentNullException.ThrowIfNull(vmm);
        ArgumentNullException.ThrowIfNull(ring);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(ring.Length, First, nameof(ring));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ring.Length, Longest, nameof(ring));
        HypercallFunction function = vmm.GetFunction(FunctionName);
        ring.Span.Clear();
        TransferResult result = function.Transfer(
            ring, Passing.Contiguous, Direction.FromVmm, TransferRule.CompletedMeansAll, new TransferOptions { KeptBy = Holder });
        return new VmmLog(function, ring, result.Lease!);
    }

    /// <summary>Takes what came since the last reading. Calls nothing.</summary>
    /// <exception cref="ObjectDisposedException">The log, or its ring, was disposed.</exception>
    public VmmLogText Read()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_lease is null, this);
            Span<byte> ring = _ring.Span; // each time: a fake machine counts it as an access
            Span<byte> text = ring[First..];
            ref int count = ref MemoryMarshal.Cast<byte, int>(ring[..First])[0];
            uint unread = (uint)Volatile.Read(ref count);
            _counts |= unread > 1;
            if (!_counts)
            {
                int taken = TakeUntilNul(text);
                _settled += taken;
                bool isFull = taken == text.Length;
                return Make(taken, isFull, isFull ? null : 0);
            }

            // What was taken before it was known to count: it stands in the count, and is no more unread.
            uint before = (uint)Math.Min(_settled, unread);
            _settled -= before;
            long lost = Math.Max(0, unread - before - (long)text.Length);
            if (lost > 0)
            {
                _position = (int)((_position + (long)(unread - before)) % text.Length); // where the VMM stands is the oldest byte
            }

            int all = (int)(unread - before - lost);
            Take(text, all);
            _ = Interlocked.Add(ref count, unchecked((int)-(uint)(before + lost + all)));
            return Make(all, lost > 0, lost);
        }
    }

    /// <summary>Gives what comes, as it comes, until it is cancelled.</summary>
    /// <param name="interval">How long to wait when nothing came; nobody tells that something did.</param>
    /// <param name="time">The clock; null for the system's.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Texts that are not empty.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The log, or its ring, was disposed.</exception>
    public async IAsyncEnumerable<VmmLogText> FollowAsync(
        TimeSpan interval, TimeProvider? time = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            VmmLogText text = Read();
            if (text.Text.Length > 0 || text.IsOverwritten)
            {
                yield return text;
            }
            else
            {
                await Task.Delay(interval, time ?? TimeProvider.System, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>
    /// Takes the ring back from the VMM, and ends its lease. Where the call does not complete, the VMM may go on writing: then
    /// the ring stays leased, and cannot be disposed.
    /// </summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_lease is not null && _function.TryCall(out _, 0, 0).IsCompleted)
            {
                _lease.Dispose();
            }

            _lease = null;
        }
    }

    // The VMM writes while this reads: each byte is taken and its place cleared at once.
    private void Take(Span<byte> text, int length)
    {
        for (int i = 0; i < length; i++)
        {
            _bytes[i] = Interlocked.Exchange(ref text[_position], 0);
            Advance(text);
        }
    }

    private int TakeUntilNul(Span<byte> text)
    {
        int taken = 0;
        if (_isLost && !FindStart(text))
        {
            return 0;
        }

        while (taken < text.Length)
        {
            byte one = Interlocked.Exchange(ref text[_position], 0);
            if (one != 0)
            {
                _bytes[taken++] = one;
                Advance(text);
            }
            else if (!SkipNuls(text))
            {
                break;
            }
        }

        _isLost = taken == text.Length;
        return taken;
    }

    // The text begins behind a NUL: a ring that was full was cleared, and has been written to again since.
    private bool FindStart(Span<byte> text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (Volatile.Read(ref text[i]) != 0 && Volatile.Read(ref text[i == 0 ? text.Length - 1 : i - 1]) == 0)
            {
                _position = i;
                return true;
            }
        }

        return text[0] != 0; // full again
    }

    // Behind a NUL there is text where the VMM wrote a NUL. Bytes appear in the order in which they were written: what is still
    // NUL when a later one is there stays NUL.
    private bool SkipNuls(Span<byte> text)
    {
        int next = text[_position..].IndexOfAnyExcept((byte)0);
        next = next >= 0 ? _position + next : text[.._position].IndexOfAnyExcept((byte)0);
        if (next < 0)
        {
            return false;
        }

        if (Volatile.Read(ref text[_position]) == 0)
        {
            _position = next;
        }

        return true;
    }

    private void Advance(Span<byte> text) => _position = _position + 1 == text.Length ? 0 : _position + 1;

    private VmmLogText Make(int length, bool isOverwritten, long? lost)
    {
        if (isOverwritten)
        {
            _decoder.Reset(); // the rest of a character that was cut is lost
        }

        Span<byte> bytes = _bytes.AsSpan(0, length);
        int kept = 0;
        foreach (byte one in bytes)
        {
            if (one != 0)
            {
                bytes[kept++] = one;
            }
        }

        int characters = _decoder.GetChars(bytes[..kept], _characters, flush: false);
        return new VmmLogText(new string(_characters, 0, characters), isOverwritten, lost);
    }
}
