namespace Hypercall.Native.MemoryProbe;

/// <summary>Dies with a secret in a pinned buffer, and one in memory of its own.</summary>
internal static class Crash
{
    public static void WithSecrets()
    {
        GuestBuffer buffer = new NativeGuestMemory().Allocate(4096, new GuestBufferOptions { AllowFallback = true });
        Write(buffer.Span, (byte)'B');
        byte[] own = GC.AllocateArray<byte>(4096, pinned: true);
        Write(own, (byte)'H');
        Environment.FailFast("on purpose");
        GC.KeepAlive(buffer);
        GC.KeepAlive(own);
    }

    // Not a string of the program's: that would be in every dump.
    private static void Write(Span<byte> memory, byte of)
    {
        for (int i = 0; i < 16; i++)
        {
            memory[i] = (byte)(of + i);
            memory[16 + i] = (byte)(of ^ (i * 7));
        }
    }
}
