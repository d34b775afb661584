using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace Hypercall.Native;

/// <summary>Memory of this process, touched only for now: written to, neither locked nor pinned.</summary>
public sealed class NativeGuestMemory : IGuestMemory
{
    /// <summary>Creates it.</summary>
    /// <param name="logger">Where to log; null for nowhere.</param>
    public NativeGuestMemory(ILogger<NativeGuestMemory>? logger = null) => _ = logger;

    /// <inheritdoc/>
    public bool TryAllocate(
        long length, GuestBufferOptions options, [NotNullWhen(true)] out GuestBuffer? buffer, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!options.AllowNextBest && (options.Residency != Residency.Touched || options.Contiguity != Contiguity.Any))
        {
            return Refuse(out buffer, out refusal);
        }

        refusal = null;
        buffer = Buffer.Create(length);
        return true;
    }

    /// <inheritdoc/>
    public bool TryOpenWindow(
        Memory<byte> memory, GuestBufferOptions options, [NotNullWhen(true)] out GuestBuffer? window, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        Refuse(out window, out refusal);

    /// <inheritdoc/>
    public bool TryOpenWindow(
        GuestVirtualAddress start, long length, GuestBufferOptions options, [NotNullWhen(true)] out GuestBuffer? window, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        Refuse(out window, out refusal);

    /// <inheritdoc/>
    public bool TryQueryPages(
        GuestVirtualAddress start, long length, [NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        Refuse(out pages, out refusal);

    private static bool Refuse<T>(out T? nothing, out GuestMemoryRefusal refusal)
        where T : class
    {
        nothing = null;
        refusal = new GuestMemoryRefusal(GuestMemoryRefusalReason.PinningUnavailable, "Only touched memory can be had so far.");
        return false;
    }

    private sealed unsafe class Buffer : GuestBuffer
    {
        private readonly Manager _manager;

        private Buffer(byte* start, long length)
            : base(new GuestVirtualAddress((ulong)start), length, Residency.Touched, Contiguity.Any) => _manager = new Manager(start, (int)length);

        public static Buffer Create(long length)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
            byte* start = (byte*)NativeMemory.AlignedAlloc((nuint)length, GuestPage.Size);
            NativeMemory.Clear(start, (nuint)length);
            return new Buffer(start, length);
        }

        protected override Memory<byte> GetMemory(long offset, int length) => _manager.Memory.Slice((int)offset, length);

        protected override void TouchPages()
        {
            for (long offset = 0; offset < Length; offset += GuestPage.Size)
            {
                _ = Interlocked.Or(ref *(int*)(Address.Value + (ulong)offset), 0);
            }
        }

        protected override bool TryQueryPagesCore(
            [NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) => Refuse(out pages, out refusal);

        protected override void Release() => NativeMemory.AlignedFree((void*)Address.Value);
    }

    private sealed unsafe class Manager(byte* start, int length) : MemoryManager<byte>
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
