using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Hypercall.Tests.Passing;

/// <summary>
/// A guest whose memory is held by frame, and a VMM that reaches it by frame or by page walk, and by nothing else. It notes every
/// byte it takes and gives, in order; what lies outside the guest's frames is noted as trespass.
/// </summary>
internal sealed class ModelMachine : IHypercallChannel, IGuestMemory, IHypercallMachine
{
    public const ulong ByVirtual = 10;
    public const ulong ByPhysical = 11;
    public const ulong ByList = 12;

    private readonly Dictionary<ulong, ArraySegment<byte>> _frames = [];   // frame number -> its bytes
    private readonly Dictionary<ulong, ulong> _pageTable = [];             // virtual page -> frame
    private ulong _nextFrame = 0x4_0000_0;                                 // above 4 GiB
    private ulong _nextAddress = 0x7f00_0000_0000;

    public ICpuid Cpuid => throw new NotSupportedException();

    public HypercallTarget Target => throw new NotSupportedException();

    public IHypercallChannel Channel => this;

    public IGuestMemory Memory => this;

    public List<byte> Taken { get; } = [];

    public List<string> Trespasses { get; } = [];

    public List<HypercallRegisters> Calls { get; } = [];

    /// <summary>What the VMM does: 1 reads, 2 writes, 3 both.</summary>
    public Direction Direction { get; set; } = Direction.Both;

    /// <summary>Whether the frame after another one is its neighbour.</summary>
    public Func<int, bool> IsNeighbour { get; set; } = _ => false;

    public Residency Grants { get; set; } = Residency.Pinned;

    /// <summary>Offset of buffers in their first page.</summary>
    public int Offset { get; set; }

    /// <summary>Runs before call number n, from 1.</summary>
    public Action<int>? BeforeCall { get; set; }

    /// <summary>Runs after call number n, before its answer is seen.</summary>
    public Action<int>? AfterCall { get; set; }

    public Func<HypercallRegisters, HypercallStatus>? Fault { get; set; }

    /// <summary>A VMM of another convention than BitVisor's; RAX = 0 is its answer.</summary>
    public Action<HypercallRegisters>? Serve { get; set; }

    /// <summary>The byte at a physical address, as the VMM reaches it; null, and a trespass, where the guest has none.</summary>
    public byte? Read(ulong address)
    {
        if (_frames.TryGetValue(address >> GuestPage.Shift, out ArraySegment<byte> bytes))
        {
            return bytes[(int)(address % GuestPage.Size)];
        }

        Trespasses.Add($"reads 0x{address:x}");
        return null;
    }

    public void Write(ulong address, byte value)
    {
        if (_frames.TryGetValue(address >> GuestPage.Shift, out ArraySegment<byte> bytes))
        {
            bytes.AsSpan()[(int)(address % GuestPage.Size)] = value;
            return;
        }

        Trespasses.Add($"writes 0x{address:x}");
    }

    /// <summary>Where a virtual address is, by the guest's page table.</summary>
    public ulong Translate(ulong address) => (_pageTable[address >> GuestPage.Shift] << GuestPage.Shift) + (address % GuestPage.Size);

    public GuestMemoryRefusal? Refuses { get; set; }

    /// <summary>Runs after an allocation.</summary>
    public Action? AfterAllocation { get; set; }

    /// <summary>Why pages cannot be touched; null when they can.</summary>
    public GuestMemoryRefusal? RefusesTouch { get; set; }

    /// <summary>Whether the kernel keeps frame numbers to itself.</summary>
    public bool HidesFrames { get; set; }

    /// <summary>Whether pages stay absent, however often they are touched.</summary>
    public bool TouchesInVain { get; set; }

    public int Touches { get; private set; }

    public int Released { get; private set; }

    public int Allocated { get; private set; }

    /// <summary>What the VMM leaves for a byte it reads.</summary>
    public static byte Transform(byte value) => (byte)(value ^ 0x5A);

    public HypercallStatus TryInvoke(ref HypercallRegisters registers)
    {
        Calls.Add(registers);
        BeforeCall?.Invoke(Calls.Count);
        HypercallStatus status = Fault?.Invoke(registers) ?? HypercallStatus.Completed;
        if (status.IsCompleted)
        {
            if (Serve is not null)
            {
                Serve(registers);
            }
            else
            {
                registers.Rcx = registers.Rax switch
                {
                    ByVirtual => Walk(registers.Rbx, registers.Rcx),
                    ByPhysical => Range(registers.Rbx, registers.Rcx),
                    ByList => List(registers.Rbx, registers.Rcx),
                    _ => throw new InvalidOperationException("No such function."),
                };
            }

            registers.Rax = 0;
        }

        AfterCall?.Invoke(Calls.Count);
        return status;
    }

    /// <summary>Gives a page another frame, content and all; the old one is somebody else's now.</summary>
    public void MigratePage(GuestBuffer buffer, int page)
    {
        ulong virtualPage = (buffer.Address.Value >> GuestPage.Shift) + (ulong)page;
        ulong old = _pageTable[virtualPage];
        ulong moved = NewFrame(_frames[old]);
        _pageTable[virtualPage] = moved;
        _frames[old] = new byte[GuestPage.Size];
    }

    public void Unmap(GuestBuffer buffer, int page) => _ = _pageTable.Remove((buffer.Address.Value >> GuestPage.Shift) + (ulong)page);

    public bool TryAllocate(
        long length, GuestBufferOptions options, [NotNullWhen(true)] out GuestBuffer? buffer, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        buffer = null;
        if ((refusal = Refuses) is not null)
        {
            return false;
        }

        Allocated++;
        bool list = length == GuestPage.Size && options.Residency == Residency.Pinned && Allocated > 1;
        int offset = list ? 0 : Offset;
        int pages = (int)GuestPage.Count(new GuestVirtualAddress((ulong)offset), length);
        byte[] bytes = new byte[pages * GuestPage.Size];
        Array.Fill(bytes, (byte)0xC5); // a canary around the buffer
        bytes.AsSpan(offset, (int)length).Clear();
        GuestVirtualAddress start = new(_nextAddress + (ulong)offset);
        for (int i = 0; i < pages; i++)
        {
            if (i == 0 || !IsNeighbour(i))
            {
                _nextFrame += 3;
            }

            _pageTable[(_nextAddress >> GuestPage.Shift) + (ulong)i] = NewFrame(new ArraySegment<byte>(bytes, i * GuestPage.Size, GuestPage.Size));
        }

        _nextAddress += (ulong)(pages + 1) * GuestPage.Size;
        buffer = new Buffer(this, start, length, list ? Residency.Pinned : Grants, bytes, offset);
        AfterAllocation?.Invoke();
        return true;
    }

    public bool TryOpenWindow(
        Memory<byte> memory, GuestBufferOptions options, [NotNullWhen(true)] out GuestBuffer? window, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        throw new NotSupportedException();

    public bool TryOpenWindow(
        GuestVirtualAddress start, long length, GuestBufferOptions options, [NotNullWhen(true)] out GuestBuffer? window, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        throw new NotSupportedException();

    public bool TryQueryPages(
        GuestVirtualAddress start, long length, [NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        pages = null;
        if ((refusal = Refuses) is not null)
        {
            return false;
        }

        GuestPage[] found = new GuestPage[GuestPage.Count(start, length)];
        for (int i = 0; i < found.Length; i++)
        {
            found[i] = _pageTable.TryGetValue((start.Value >> GuestPage.Shift) + (ulong)i, out ulong frame) ? HidesFrames ? GuestPage.Hidden : GuestPage.InFrame(new(frame)) : default;
        }

        pages = new GuestPageMap(start, length, found);
        return true;
    }

    private ulong NewFrame(ArraySegment<byte> bytes)
    {
        _frames[++_nextFrame] = bytes;
        return _nextFrame;
    }

    private ulong Walk(ulong address, ulong length)
    {
        for (ulong done = 0; done < length; done++)
        {
            if (!_pageTable.TryGetValue((address + done) >> GuestPage.Shift, out ulong frame))
            {
                return done; // absent: stops part way, and says how far it got
            }

            Touch(frame, (int)((address + done) % GuestPage.Size));
        }

        return length;
    }

    private ulong Range(ulong address, ulong length)
    {
        for (ulong done = 0; done < length; done++)
        {
            Touch((address + done) >> GuestPage.Shift, (int)((address + done) % GuestPage.Size));
        }

        return length;
    }

    private ulong List(ulong address, ulong size)
    {
        Assert.Equal(0ul, address % GuestPage.Size);
        Assert.InRange(size, 16ul, (ulong)GuestPage.Size);
        ReadOnlySpan<byte> list = _frames[address >> GuestPage.Shift].AsSpan(0, (int)size);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(list);
        uint offset = BinaryPrimitives.ReadUInt32LittleEndian(list[4..]);
        Assert.Equal((int)GuestPage.Count(new GuestVirtualAddress(offset), length) * 8, list.Length - 8);
        for (uint i = 0; i < length; i++)
        {
            Touch(BinaryPrimitives.ReadUInt64LittleEndian(list[(8 + (int)((offset + i) / GuestPage.Size * 8))..]), (int)((offset + i) % GuestPage.Size));
        }

        return length;
    }

    private void Touch(ulong frame, int offset)
    {
        if (!_frames.TryGetValue(frame, out ArraySegment<byte> bytes))
        {
            Trespasses.Add($"frame 0x{frame:x}");
            return;
        }

        byte value = bytes[offset];
        if (Direction.HasFlag(Direction.ToVmm))
        {
            Taken.Add(value);
        }

        if (Direction.HasFlag(Direction.FromVmm))
        {
            bytes.AsSpan()[offset] = Transform(value);
        }
    }

    private sealed class Buffer(ModelMachine machine, GuestVirtualAddress address, long length, Residency residency, byte[] bytes, int offset)
        : GuestBuffer(address, length, residency, Contiguity.Any)
    {
        protected override Memory<byte> GetMemory(long start, int count) => bytes.AsMemory(offset + (int)start, count);

        protected override void TouchPages(long part, long count)
        {
            machine.Touches++;
            if (machine.RefusesTouch is { } refusal)
            {
                throw new GuestMemoryException(refusal);
            }

            ulong first = Address.Value >> GuestPage.Shift;
            for (int i = 0; i < bytes.Length / GuestPage.Size && !machine.TouchesInVain; i++)
            {
                if (!machine._pageTable.ContainsKey(first + (ulong)i))
                {
                    machine._pageTable[first + (ulong)i] = machine.NewFrame(new ArraySegment<byte>(bytes, i * GuestPage.Size, GuestPage.Size));
                }
            }
        }

        protected override bool TryQueryPagesCore(
            [NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
            machine.TryQueryPages(Address, Length, out pages, out refusal);

        protected override void Release()
        {
            machine.Released++;
            Assert.All(bytes.Take(offset), canary => Assert.Equal(0xC5, canary));
            Assert.All(bytes.Skip(offset + (int)Length), canary => Assert.Equal(0xC5, canary));
        }
    }
}
