using System.Buffers;
using System.Buffers.Binary;

namespace Hypercall.Testing;

/// <summary>
/// What a function of the VMM does with memory that one call handed over, in whichever way: a page at a time, with one page of its own.
/// </summary>
/// <remarks>
/// The results are bytes done, or one of two negative numbers: <see cref="Malformed"/> for arguments that no program may give, and
/// <see cref="Injected"/> when the instruction is to run again.
/// </remarks>
internal readonly ref struct FakeTransferWork
{
    public const long Malformed = -1;
    public const long Injected = -2;

    // No program has more: Intel SDM vol. 1, section 3.3.7.1 (57 bits of linear address), and vol. 3A, section 4.1.4 (52 bits of physical address).
    private const ulong VirtualLimit = 1ul << 57;
    private const ulong PhysicalLimit = 1ul << 52;

    private const int HeaderSize = 2 * sizeof(uint); // GPA_RANGE: u32 bytes, u32 offset into the first frame, then u64 frame numbers

    private readonly FakeCall _call;
    private readonly FakeTransform _transform;
    private readonly FakePieceRecord? _record;
    private readonly bool _reads;
    private readonly bool _writes;

    public FakeTransferWork(FakeCall call, FakeTransform transform, Direction direction, FakePieceRecord? record)
    {
        _call = call;
        _transform = transform;
        _record = record;
        _reads = direction.HasFlag(Direction.ToVmm);
        _writes = direction.HasFlag(Direction.FromVmm);
    }

    private FakeMapAccess Access => _writes ? FakeMapAccess.Write : FakeMapAccess.Read;

    public long ByVirtualAddress(AbsentPagePolicy policy, bool byteWise)
    {
        ulong address = _call.Rbx;
        ulong length = _call.Rcx;
        if (length > VirtualLimit || length > 0 - address && address != 0)
        {
            return Malformed;
        }

        // All pages first: an instruction that runs again must not find half of its work done. A page that goes after this look ends the work part way instead.
        if (policy != AbsentPagePolicy.Stop && FirstAbsent(address, (long)length) is { } absent)
        {
            if (policy == AbsentPagePolicy.Fail)
            {
                return 0;
            }

            _call.InjectPageFault(absent, _writes);
            return Injected;
        }

        byte[] page = ArrayPool<byte>.Shared.Rent(GuestPage.Size);
        try
        {
            long done = 0;
            while (done < (long)length)
            {
                GuestVirtualAddress at = new(address + (ulong)done);
                int size = byteWise ? 1 : (int)Math.Min((long)length - done, GuestPage.Size - at.PageOffset);
                int did = Piece(at, page.AsSpan(0, size), byteWise);
                done += did;
                if (did < size)
                {
                    break;
                }
            }

            return done;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(page);
        }
    }

    public long ByPhysicalAddress() =>
        _call.Rcx > PhysicalLimit || _call.Rbx > PhysicalLimit - _call.Rcx ? Malformed : Frames(_call.Rbx, (long)_call.Rcx);

    public long ByFrameList()
    {
        Span<byte> page = stackalloc byte[GuestPage.Size];
        if (!TryReadList(page, out ReadOnlySpan<byte> frames, out uint length, out uint offset))
        {
            return Malformed;
        }

        long done = 0;
        for (; done < length; frames = frames[sizeof(ulong)..], offset = 0)
        {
            long inFrame = Math.Min(length - done, GuestPage.Size - offset);
            long did = Frames((BinaryPrimitives.ReadUInt64LittleEndian(frames) << GuestPage.Shift) + offset, inFrame);
            done += did;
            if (did < inFrame)
            {
                break;
            }
        }

        return done;
    }

    /// <summary>By frame list where RBX and RCX look like one: at the start of a page, and with a header that fits its length. Data that looks so by chance is taken for one.</summary>
    public long ByEither()
    {
        Span<byte> page = stackalloc byte[GuestPage.Size];
        return _call.Rbx % GuestPage.Size == 0 && TryReadList(page, out _, out _, out _) ? ByFrameList() : ByPhysicalAddress();
    }

    private bool TryReadList(Span<byte> page, out ReadOnlySpan<byte> frames, out uint length, out uint offset)
    {
        frames = default;
        length = 0;
        offset = 0;
        ulong size = _call.Rcx;
        if (size is < HeaderSize + sizeof(ulong) or > GuestPage.Size || size % sizeof(ulong) != 0 || size > GuestPage.Size - (_call.Rbx % GuestPage.Size)
            || _call.Rbx > PhysicalLimit - size
            || !_call.TryMap(new GuestPhysicalAddress(_call.Rbx), (long)size, FakeMapAccess.Read, out FakeView? view)
            || !view.Read(0, page[..(int)size]))
        {
            return false;
        }

        Span<byte> list = page[..(int)size];
        length = BinaryPrimitives.ReadUInt32LittleEndian(list);
        offset = BinaryPrimitives.ReadUInt32LittleEndian(list[sizeof(uint)..]);
        frames = list[HeaderSize..];
        if (length == 0 || offset >= GuestPage.Size || GuestPage.Count(new GuestVirtualAddress(offset), length) != frames.Length / sizeof(ulong))
        {
            return false;
        }

        for (ReadOnlySpan<byte> rest = frames; !rest.IsEmpty; rest = rest[sizeof(ulong)..])
        {
            if (BinaryPrimitives.ReadUInt64LittleEndian(rest) >= PhysicalLimit >> GuestPage.Shift)
            {
                return false;
            }
        }

        return true;
    }

    private GuestVirtualAddress? FirstAbsent(ulong address, long length)
    {
        for (long at = 0; at < length;)
        {
            GuestVirtualAddress next = new(address + (ulong)at);
            if (!_call.Walk(next, _writes).IsPresent)
            {
                return next;
            }

            at += GuestPage.Size - next.PageOffset;
        }

        return null;
    }

    private long Frames(ulong address, long length)
    {
        byte[] page = ArrayPool<byte>.Shared.Rent(GuestPage.Size);
        try
        {
            long done = 0;
            while (done < length)
            {
                GuestPhysicalAddress at = new(address + (ulong)done);
                Span<byte> piece = page.AsSpan(0, (int)Math.Min(length - done, GuestPage.Size - (long)(at.Value % GuestPage.Size)));
                if (!_call.TryMap(at, piece.Length, Access, out FakeView? view) || !Piece(view, piece))
                {
                    break;
                }

                done += piece.Length;
            }

            return done;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(page);
        }
    }

    /// <returns>Whether the VMM goes on.</returns>
    private bool Piece(FakeView view, Span<byte> piece)
    {
        if (_reads && !view.Read(0, piece))
        {
            return false;
        }

        Transform(piece);
        if (_writes && !view.Write(0, piece))
        {
            return false;
        }

        Commit(piece);
        return true;
    }

    /// <returns>How many bytes are done.</returns>
    private int Piece(GuestVirtualAddress at, Span<byte> piece, bool byteWise)
    {
        if (_reads)
        {
            bool isRead = byteWise ? _call.TryReadLinearByte(at, out piece[0]) : _call.CopyFromGuest(at, piece).IsCompleted;
            if (!isRead)
            {
                return 0;
            }
        }

        Transform(piece);
        int written = !_writes ? piece.Length
            : !byteWise ? (int)_call.CopyToGuest(at, piece).BytesDone
            : _call.TryWriteLinearByte(at, piece[0]) ? 1 : 0;
        Commit(piece[..written]);
        return written;
    }

    private void Transform(Span<byte> piece)
    {
        if (_reads)
        {
            _record?.Stage(piece);
        }
        else
        {
            piece.Clear();
        }

        _transform(_call, piece);
    }

    private void Commit(ReadOnlySpan<byte> piece) => _record?.Commit(_reads ? piece.Length : 0, _writes ? piece : default);
}
