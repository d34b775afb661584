using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Hypercall.Testing;

/// <summary>
/// What a function of the VMM does with memory that one call handed over, in whichever way: a page at a time, with one page of
/// its own.
/// </summary>
/// <remarks>
/// The results are bytes done, or one of two negative numbers: <see cref="Malformed"/> for arguments that no program may give,
/// and
/// <see cref="Injected"/> when the instruction is to run again.
/// </remarks>
internal readonly ref struct FakeTransferWork
{
    public const long Malformed = -1;
    public const long Injected = -2;

    // No program has more: Intel SDM vol. 1, section 3.3.7.1 (57 bits of linear address), and vol. 3A, section 4.1.4 (52 bits of
    // physical address).
    private const ulong VirtualLimit = 1ul << 57;
    private const ulong PhysicalLimit = 1ul << 52;

    private const int HeaderSize = 2 * sizeof(uint); // GPA_RANGE: u32 bytes, u32 offset into the first frame, then u64 frame numbers

    private readonly FakeCall _call;
    private readonly FakeTransform _transform;
    private readonly FakePieceRecord? _record;
    private readonly bool _reads;
    private readonly bool _writes;

    // Where it reads from and writes to: mostly the same.
    private readonly ulong _source;
    private readonly ulong _target;
    private readonly ulong? _length;
    private readonly DescriptorFormat? _format;

    public FakeTransferWork(
        FakeCall call, FakeTransform transform, Direction direction, FakePieceRecord? record, TransferLayout? layout)
    {
        layout ??= call.Convention.Layout ?? throw new InvalidOperationException(
            $"Which arguments of {call.Name} hold memory is not known: the convention '{call.Convention}' says nothing of it. "
            + "Give the handler the function's TransferLayout.");
        _call = call;
        _transform = transform;
        _record = record;
        _reads = direction.HasFlag(Direction.ToVmm);
        _writes = direction.HasFlag(Direction.FromVmm);
        _source = call.Argument(_reads ? layout.ToVmm : layout.FromVmm);
        _target = call.Argument(_writes ? layout.FromVmm : layout.ToVmm);
        ulong units = layout.Length is { } at ? call.Argument(at) : 0;
        _length = layout.Length is null ? null
            : units > ulong.MaxValue / (ulong)layout.Unit ? ulong.MaxValue
            : units * (ulong)layout.Unit;
        List = call.Argument(layout.ToVmm);
        _format = layout.Descriptor;
    }

    /// <summary>Where a list of frames lies: the VMM reads it, whichever way the data goes.</summary>
    private ulong List { get; }

    /// <summary>
    /// The bytes that were handed over; where no argument says it, the rest of the page, as of a VMM whose function takes a page.
    /// </summary>
    private ulong Length => _length ?? (GuestPage.Size - (Math.Max(_source % GuestPage.Size, _target % GuestPage.Size)));

    public long ByVirtualAddress(AbsentPagePolicy policy, bool byteWise)
    {
        ulong length = Length;
        if (length > VirtualLimit || Wraps(_source, length) || Wraps(_target, length))
        {
            return Malformed;
        }

        // All pages first: an instruction that runs again must not find half of its work done. A page that goes after this look
        // ends the work part way instead.
        if (policy != AbsentPagePolicy.Stop && FirstAbsent((long)length, out bool isWrite) is { } absent)
        {
            if (policy == AbsentPagePolicy.Fail)
            {
                return 0;
            }

            _call.InjectPageFault(absent, isWrite);
            return Injected;
        }

        byte[] page = ArrayPool<byte>.Shared.Rent(GuestPage.Size);
        try
        {
            long done = 0;
            while (done < (long)length)
            {
                GuestVirtualAddress source = new(_source + (ulong)done);
                GuestVirtualAddress target = new(_target + (ulong)done);
                int inPage = GuestPage.Size - Math.Max(source.PageOffset, target.PageOffset);
                int size = byteWise ? 1 : (int)Math.Min((long)length - done, inPage);
                int did = Piece(source, target, page.AsSpan(0, size), byteWise);
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

    public long ByPhysicalAddress()
    {
        ulong length = Length;
        return length > PhysicalLimit || Math.Max(_source, _target) > PhysicalLimit - length
            ? Malformed
            : Frames(_source, _target, (long)length);
    }

    public long ByFrameList()
    {
        if (_format == DescriptorFormat.Extents)
        {
            return ByExtents();
        }

        if (_format is not null && _format != DescriptorFormat.GpaRange)
        {
            throw new InvalidOperationException(
                $"A ready function reads '{DescriptorFormat.GpaRange}' and '{DescriptorFormat.Extents}', and the layout of "
                + $"{_call.Name} has '{_format}'. Write a handler of your own for it: On(..., call => ...).");
        }

        Span<byte> page = stackalloc byte[GuestPage.Size];
        if (!TryReadList(page, out ReadOnlySpan<byte> frames, out uint length, out uint offset))
        {
            return Malformed;
        }

        long done = 0;
        for (; done < length; frames = frames[sizeof(ulong)..], offset = 0)
        {
            long inFrame = Math.Min(length - done, GuestPage.Size - offset);
            ulong address = (BinaryPrimitives.ReadUInt64LittleEndian(frames) << GuestPage.Shift) + offset;
            long did = Frames(address, address, inFrame);
            done += did;
            if (did < inFrame)
            {
                break;
            }
        }

        return done;
    }

    /// <summary>
    /// By frame list where address and length look like one: at the start of a page, and with a header that fits its length. Data
    /// that looks so by chance is taken for one.
    /// </summary>
    public long ByEither()
    {
        Span<byte> page = stackalloc byte[GuestPage.Size];
        return List % GuestPage.Size == 0 && TryReadList(page, out _, out _, out _) ? ByFrameList() : ByPhysicalAddress();
    }

    /// <summary>By a list of addresses and lengths, which only an argument says the end of.</summary>
    private long ByExtents()
    {
        const int ExtentSize = 2 * sizeof(ulong); // u64 address, u64 bytes
        Span<byte> page = stackalloc byte[GuestPage.Size];
        ulong size = _length ?? 0;
        if (size is < ExtentSize or > GuestPage.Size || size % ExtentSize != 0 || !TryRead(page[..(int)size]))
        {
            return Malformed;
        }

        ReadOnlySpan<byte> extents = page[..(int)size];
        for (ReadOnlySpan<byte> rest = extents; !rest.IsEmpty; rest = rest[ExtentSize..])
        {
            (ulong start, ulong length) = Extent(rest);
            if (length is 0 or > PhysicalLimit || start > PhysicalLimit - length)
            {
                return Malformed;
            }
        }

        long done = 0;
        for (; !extents.IsEmpty; extents = extents[ExtentSize..])
        {
            (ulong start, ulong length) = Extent(extents);
            long did = Frames(start, start, (long)length);
            done += did;
            if (did < (long)length)
            {
                break;
            }
        }

        return done;

        static (ulong Start, ulong Length) Extent(ReadOnlySpan<byte> at) => (
            BinaryPrimitives.ReadUInt64LittleEndian(at), BinaryPrimitives.ReadUInt64LittleEndian(at[sizeof(ulong)..]));
    }

    /// <summary>Reads the list, which lies in one page.</summary>
    private bool TryRead(Span<byte> list) =>
        (ulong)list.Length <= GuestPage.Size - (List % GuestPage.Size)
        && List <= PhysicalLimit - (ulong)list.Length
        && _call.TryMap(new GuestPhysicalAddress(List), list.Length, FakeMapAccess.Read, out FakeView? view)
        && view.Read(0, list);

    private bool TryReadList(Span<byte> page, out ReadOnlySpan<byte> frames, out uint length, out uint offset)
    {
        frames = default;
        length = 0;
        offset = 0;
        ulong most = GuestPage.Size - (List % GuestPage.Size);
        ulong size = _length ?? most;
        if (size is < HeaderSize + sizeof(ulong) or > GuestPage.Size || size % sizeof(ulong) != 0 || !TryRead(page[..(int)size]))
        {
            return false;
        }

        Span<byte> list = page[..(int)size];
        length = BinaryPrimitives.ReadUInt32LittleEndian(list);
        offset = BinaryPrimitives.ReadUInt32LittleEndian(list[sizeof(uint)..]);
        frames = list[HeaderSize..];
        if (_length is null)
        {
            // Only the list itself says how long it is.
            long count = offset < GuestPage.Size ? GuestPage.Count(new GuestVirtualAddress(offset), Math.Max(length, 1)) : 0;
            frames = frames[..(int)Math.Min(count * sizeof(ulong), frames.Length)];
        }

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

    private static bool Wraps(ulong address, ulong length) => length > 0 - address && address != 0;

    private GuestVirtualAddress? FirstAbsent(long length, out bool isWrite)
    {
        isWrite = _writes;
        if (_writes && FirstAbsent(_target, length, isWrite: true) is { } unwritable)
        {
            return unwritable;
        }

        isWrite = false;
        return _reads && (!_writes || _source != _target) ? FirstAbsent(_source, length, isWrite: false) : null;
    }

    private GuestVirtualAddress? FirstAbsent(ulong address, long length, bool isWrite)
    {
        for (long at = 0; at < length;)
        {
            GuestVirtualAddress next = new(address + (ulong)at);
            if (!_call.Walk(next, isWrite).IsPresent)
            {
                return next;
            }

            at += GuestPage.Size - next.PageOffset;
        }

        return null;
    }

    private long Frames(ulong source, ulong target, long length)
    {
        byte[] page = ArrayPool<byte>.Shared.Rent(GuestPage.Size);
        try
        {
            long done = 0;
            while (done < length)
            {
                ulong from = source + (ulong)done;
                ulong to = target + (ulong)done;
                long inPage = GuestPage.Size - (long)Math.Max(from % GuestPage.Size, to % GuestPage.Size);
                Span<byte> piece = page.AsSpan(0, (int)Math.Min(length - done, inPage));
                if (!TryMap(from, to, piece.Length, out FakeView? readable, out FakeView? writable)
                    || !Piece(readable, writable, piece))
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

    /// <summary>Maps where a piece comes from and where it goes: once, where that is the same.</summary>
    private bool TryMap(
        ulong from, ulong to, int length, [NotNullWhen(true)] out FakeView? readable, [NotNullWhen(true)] out FakeView? writable)
    {
        writable = null;
        FakeMapAccess access = _writes && from == to ? FakeMapAccess.Write : FakeMapAccess.Read;
        if (!_call.TryMap(new GuestPhysicalAddress(from), length, access, out readable))
        {
            return false;
        }

        writable = readable;
        return from == to || _call.TryMap(new GuestPhysicalAddress(to), length, FakeMapAccess.Write, out writable);
    }

    /// <returns>Whether the VMM goes on.</returns>
    private bool Piece(FakeView readable, FakeView writable, Span<byte> piece)
    {
        if (_reads && !readable.Read(0, piece))
        {
            return false;
        }

        Transform(piece);
        if (_writes && !writable.Write(0, piece))
        {
            return false;
        }

        Commit(piece);
        return true;
    }

    /// <returns>How many bytes are done.</returns>
    private int Piece(GuestVirtualAddress source, GuestVirtualAddress target, Span<byte> piece, bool byteWise)
    {
        if (_reads)
        {
            bool isRead = byteWise ? _call.TryReadLinear(source, out piece[0]) : _call.CopyFromGuest(source, piece).IsCompleted;
            if (!isRead)
            {
                return 0;
            }
        }

        Transform(piece);
        int written = !_writes ? piece.Length
            : !byteWise ? (int)_call.CopyToGuest(target, piece).BytesDone
            : _call.TryWriteLinear(target, piece[0]) ? 1 : 0;
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
