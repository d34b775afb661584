using FsCheck;
using FsCheck.Fluent;

namespace Hypercall.Native.Tests;

/// <summary>Frames whose 15 registers take any 64-bit value, each on its own.</summary>
public static class RegisterFrames
{
    public static Arbitrary<HypercallRegisters> Frame() => Gen.Choose(int.MinValue, int.MaxValue)
        .ArrayOf(2 * HypercallRegisters.Count)
        .Select(words =>
        {
            HypercallRegisters registers = default;
            foreach (GeneralRegister register in HypercallRegisters.All)
            {
                int i = HypercallRegisters.All.IndexOf(register);
                registers[register] = ((ulong)(uint)words[2 * i] << 32) | (uint)words[(2 * i) + 1];
            }

            return registers;
        })
        .ToArbitrary();
}
