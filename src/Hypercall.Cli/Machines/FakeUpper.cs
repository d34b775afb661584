using System.Buffers;
using System.Buffers.Binary;
using Hypercall.Testing;

namespace Hypercall.Cli.Machines;

/// <summary>Functions of the fake VMM that make the letters of handed-over memory large, one for each way of handing it over. RAX: how many bytes were done.</summary>
internal static class FakeUpper
{
    private const int HeaderSize = 2 * sizeof(uint); // GPA_RANGE: u32 bytes, u32 offset into the first frame, then u64 frame numbers

    private delegate bool Access(ulong address, Span<byte> bytes);

    public static void ByVirtualAddress(FakeCall call) => call.Rax = (ulong)Convert(call.Rbx, (long)call.Rcx, Read(call), Write(call));

    public static void ByPhysicalAddress(FakeCall call) => call.Rax = (ulong)Convert(call.Rbx, (long)call.Rcx, ReadPhysical(call), WritePhysical(call));

    public static void ByFrameList(FakeCall call) => call.Rax = TryReadList(call, out byte[] list) ? (ulong)ConvertList(call, list) : 0;

    // A list lies at the start of a page, and its header fits its length: data that looks so by chance would be taken for one.
    public static void ByEither(FakeCall call)
    {
        if (TryReadList(call, out _))
        {
            ByFrameList(call);
        }
        else
        {
            ByPhysicalAddress(call);
        }
    }

    private static bool TryReadList(FakeCall call, out byte[] list)
    {
        list = [];
        if (call.Rbx % GuestPage.Size != 0 || call.Rcx is < HeaderSize + sizeof(ulong) or > GuestPage.Size || call.Rcx % sizeof(ulong) != 0)
        {
            return false;
        }

        list = new byte[call.Rcx];
        if (!call.TryReadPhysical(new GuestPhysicalAddress(call.Rbx), list, out _))
        {
            return false;
        }

        uint bytes = BinaryPrimitives.ReadUInt32LittleEndian(list);
        uint offset = BinaryPrimitives.ReadUInt32LittleEndian(list.AsSpan(sizeof(uint)));
        long frames = (list.Length - HeaderSize) / sizeof(ulong);
        return bytes > 0 && offset < GuestPage.Size && GuestPage.Count(new GuestVirtualAddress(offset), bytes) == frames;
    }

    private static long ConvertList(FakeCall call, ReadOnlySpan<byte> list)
    {
        long length = BinaryPrimitives.ReadUInt32LittleEndian(list);
        uint offset = BinaryPrimitives.ReadUInt32LittleEndian(list[sizeof(uint)..]);
        long done = 0;
        for (ReadOnlySpan<byte> frames = list[HeaderSize..]; done < length; frames = frames[sizeof(ulong)..])
        {
            long inFrame = Math.Min(length - done, GuestPage.Size - offset);
            ulong address = (BinaryPrimitives.ReadUInt64LittleEndian(frames) << GuestPage.Shift) + offset;
            long converted = Convert(address, inFrame, ReadPhysical(call), WritePhysical(call));
            done += converted;
            if (converted < inFrame)
            {
                break;
            }

            offset = 0;
        }

        return done;
    }

    private static long Convert(ulong address, long length, Access read, Access write)
    {
        byte[] page = ArrayPool<byte>.Shared.Rent(GuestPage.Size);
        long done = 0;
        while (done < length)
        {
            ulong at = address + (ulong)done;
            Span<byte> piece = page.AsSpan(0, (int)Math.Min(length - done, GuestPage.Size - (long)(at % GuestPage.Size)));
            if (!read(at, piece))
            {
                break;
            }

            foreach (ref byte b in piece)
            {
                b = b is >= (byte)'a' and <= (byte)'z' ? (byte)(b - 0x20) : b;
            }

            if (!write(at, piece))
            {
                break;
            }

            done += piece.Length;
        }

        ArrayPool<byte>.Shared.Return(page);
        return done;
    }

    private static Access Read(FakeCall call) => (address, bytes) => call.TryReadVirtual(new GuestVirtualAddress(address), bytes, out _);

    private static Access Write(FakeCall call) => (address, bytes) => call.TryWriteVirtual(new GuestVirtualAddress(address), bytes, out _);

    private static Access ReadPhysical(FakeCall call) => (address, bytes) => call.TryReadPhysical(new GuestPhysicalAddress(address), bytes, out _);

    private static Access WritePhysical(FakeCall call) => (address, bytes) => call.TryWritePhysical(new GuestPhysicalAddress(address), bytes, out _);
}
