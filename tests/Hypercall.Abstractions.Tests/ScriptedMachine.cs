using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Hypercall.Tests;

/// <summary>A channel that answers by a function of the test, over memory that counts what is done to it.</summary>
internal sealed class ScriptedMachine : IHypercallChannel, IGuestMemory, IHypercallMachine
{
    private readonly Dictionary<ulong, Buffer> _buffers = [];
    private ulong _next = 0x7f00_0000_0000;

    public delegate HypercallStatus Answer(ref HypercallRegisters registers);

    public required Answer OnInvoke { get; set; }

    public ICpuid Cpuid => throw new NotSupportedException();

    public HypercallTarget Target => throw new NotSupportedException();

    public IHypercallChannel Channel => this;

    public IGuestMemory Memory => this;

    public int Calls { get; private set; }

    public int Touches { get; private set; }

    public (long Offset, long Length) LastTouched { get; private set; }

    public int Allocated { get; private set; }

    public int Released { get; private set; }

    public List<GuestBufferOptions> Requests { get; } = [];

    public Residency Grants { get; set; } = Residency.Pinned;

    public static ScriptedMachine Answering(params ulong[] raxes)
    {
        int next = 0;
        return new ScriptedMachine
        {
            OnInvoke = (ref registers) =>
            {
                registers.Rax = raxes[next++];
                return HypercallStatus.Completed;
            },
        };
    }

    public HypercallStatus TryInvoke(ref HypercallRegisters registers)
    {
        Calls++;
        return OnInvoke(ref registers);
    }

    /// <summary>The NUL-terminated text at an address, as a VMM would read it.</summary>
    public string TextAt(ulong address)
    {
        ReadOnlySpan<byte> bytes = _buffers[address].Bytes;
        return Encoding.UTF8.GetString(bytes[..bytes.IndexOf((byte)0)]);
    }

    public GuestBuffer BufferAt(ulong address) => _buffers[address];

    public Span<byte> BytesAt(ulong address) => _buffers[address].Bytes;

    public bool TryAllocate(
        long length, GuestBufferOptions options, [NotNullWhen(true)] out GuestBuffer? buffer, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        Requests.Add(options);
        Allocated++;
        Buffer made = new(this, new GuestVirtualAddress(_next), (int)length, Grants);
        _buffers[_next] = made;
        _next += 0x10000;
        buffer = made;
        refusal = null;
        return true;
    }

    public bool TryOpenWindow(
        Memory<byte> memory, GuestBufferOptions options, [NotNullWhen(true)] out GuestBuffer? window, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        throw new NotSupportedException();

    public bool TryOpenWindow(
        GuestVirtualAddress start, long length, GuestBufferOptions options, [NotNullWhen(true)] out GuestBuffer? window, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        throw new NotSupportedException();

    public bool TryQueryPages(
        GuestVirtualAddress start, long length, [NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        throw new NotSupportedException();

    internal sealed class Buffer(ScriptedMachine machine, GuestVirtualAddress address, int length, Residency residency)
        : GuestBuffer(address, length, residency, Contiguity.Any)
    {
        public byte[] Bytes { get; } = new byte[length];

        public bool MayBeReleasedByItsFinalizer => MayReleaseInFinalizer();

        protected override Memory<byte> GetMemory(long offset, int length) => Bytes.AsMemory((int)offset, length);

        protected override void TouchPages(long offset, long length)
        {
            machine.Touches++;
            machine.LastTouched = (offset, length);
        }

        protected override bool TryQueryPagesCore(
            [NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) => throw new NotSupportedException();

        protected override void Release()
        {
            machine.Released++;
            _ = machine._buffers.Remove(Address.Value);
        }
    }
}
