using System.Runtime.InteropServices;

namespace Hypercall.Conformance;

/// <summary>
/// One of the rig's streams: what went through a transfer function, in order (rig/ABI.md). Here the client's own copy of the
/// arithmetic.
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal record struct RigStream(ulong Hash, ulong Position, ulong Sum)
{
    // FNV-1a, 64 bits: draft-eastlake-fnv, section 5.
    public const ulong OffsetBasis = 0xcbf2_9ce4_8422_2325;
    public const ulong Prime = 0x100_0000_01b3;

    public static RigStream Empty => new(OffsetBasis, 0, 0);

    public static byte Pattern(byte key, ulong position) => (byte)(key ^ position ^ (position >> 8) ^ (position >> 16));

    public static ulong HashOf(ReadOnlySpan<byte> bytes)
    {
        RigStream stream = Empty;
        stream.Take(bytes);
        return stream.Hash;
    }

    /// <summary>Does to bytes what the VMM does.</summary>
    /// <param name="bytes">The bytes; those that go from the VMM are overwritten.</param>
    /// <param name="direction">Which way they go.</param>
    /// <param name="key">The pattern's key, or what the bytes are combined with.</param>
    public void Handle(Span<byte> bytes, Direction direction, byte key)
    {
        switch (direction)
        {
            case Direction.ToVmm:
                Take(bytes);
                break;
            case Direction.FromVmm:
                foreach (ref byte b in bytes)
                {
                    b = Pattern(key, Position++);
                }

                break;
            default:
                Take(bytes);
                foreach (ref byte b in bytes)
                {
                    b ^= key;
                }

                break;
        }
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        ulong hash = Hash;
        ulong sum = Sum;
        foreach (byte b in bytes)
        {
            hash = (hash ^ b) * Prime;
            sum += b;
        }

        Hash = hash;
        Sum = sum;
        Position += (ulong)bytes.Length;
    }
}
