using Iced.Intel;

namespace Hypercall.Native.Execution;

/// <summary>The bytes of one instruction, as Iced encodes it.</summary>
internal static class InstructionEncoder
{
    /// <summary>Encodes an instruction for 64-bit code.</summary>
    /// <param name="mnemonic">Its name.</param>
    /// <param name="instruction">The instruction.</param>
    public static HypercallInstruction Encode(string mnemonic, in Instruction instruction)
    {
        using MemoryStream bytes = new();
        _ = Encoder.Create(64, new StreamCodeWriter(bytes)).Encode(in instruction, 0);
        return new HypercallInstruction(mnemonic, bytes.ToArray());
    }
}
