using Hypercall.Native.Execution;

namespace Hypercall.Native.Tests;

/// <summary>Instructions that are no hypercalls, on a CPU that does not exist.</summary>
internal static class TestTarget
{
    public static readonly byte[] Nop = [0x90];
    public static readonly byte[] Ud2 = [0x0F, 0x0B];
    public static readonly byte[] Hlt = [0xF4];
    public static readonly byte[] LoadFromRax = [0x48, 0x8B, 0x00];                     // mov rax, [rax]
    public static readonly byte[] WriteToItself = [0x89, 0x05, 0xFA, 0xFF, 0xFF, 0xFF]; // mov [rip - 6], eax

    public static HypercallTarget Of(string mnemonic, params ReadOnlySpan<byte> encoding) =>
        new(new CpuIdentity { Vendor = "AnyCpuOfTest" }, new MadeUpProvider("test", new HypercallInstruction(mnemonic, encoding)));

    public static StubChannel Channel(params ReadOnlySpan<byte> encoding)
    {
        Assert.SkipUnless(CanExecute, "Machine code is emitted for x86-64 on Linux and Windows only.");
        return new StubChannel(Of("TEST", encoding));
    }

    public static bool CanExecute
    {
        get
        {
            try
            {
                NativePlatform.Current.Demand();
                return true;
            }
            catch (PlatformNotSupportedException)
            {
                return false;
            }
        }
    }
}
