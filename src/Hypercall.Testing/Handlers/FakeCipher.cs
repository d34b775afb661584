namespace Hypercall.Testing;

/// <summary>
/// Changes every byte, and each time in another way: bytes that were lost, stale, or done twice never look right by chance. The
/// same in every run of a program that calls from one thread.
/// </summary>
internal sealed class FakeCipher
{
    private const ulong Step = 0x9E37_79B9_7F4A_7C15; // 2^64 divided by the golden ratio, and odd: every state comes once

    private ulong _state;

    public void Apply(FakeCall call, Span<byte> bytes)
    {
        foreach (ref byte b in bytes)
        {
            _state = unchecked(_state + Step);
            b ^= (byte)Math.Max(_state >> 56, 1); // never 0: no byte stays as it was
        }
    }
}
