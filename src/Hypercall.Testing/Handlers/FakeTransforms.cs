namespace Hypercall.Testing;

/// <summary>Ready things for a function of the fake VMM to do with bytes.</summary>
public static class FakeTransforms
{
    /// <summary>Makes ASCII letters large, and leaves all other bytes.</summary>
    /// <param name="call">Not looked at.</param>
    /// <param name="bytes">The bytes.</param>
    public static void ToUpper(FakeCall call, Span<byte> bytes)
    {
        foreach (ref byte b in bytes)
        {
            b = b is >= (byte)'a' and <= (byte)'z' ? (byte)(b - 0x20) : b;
        }
    }
}
