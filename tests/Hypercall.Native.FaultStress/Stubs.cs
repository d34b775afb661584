using Hypercall.Native.Execution;
using Hypercall.Tests;

namespace Hypercall.Native.FaultStress;

/// <summary>Channels whose instruction is no hypercall.</summary>
internal static class Stubs
{
    public static StubChannel IncrementRax() => Channel("INC RAX", 0x48, 0xFF, 0xC0);

    public static StubChannel InvalidOpcode() => Channel("UD2", 0x0F, 0x0B);

    public static StubChannel Privileged() => Channel("HLT", 0xF4);

    public static StubChannel LoadFromRax() => Channel("MOV RAX, [RAX]", 0x48, 0x8B, 0x00);

    private static StubChannel Channel(string mnemonic, params ReadOnlySpan<byte> encoding) =>
        new(new HypercallTarget(new CpuIdentity { Vendor = "AnyCpuOfTest" }, new MadeUpProvider("test", new HypercallInstruction(mnemonic, encoding))));
}
