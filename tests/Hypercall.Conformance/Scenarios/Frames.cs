namespace Hypercall.Conformance.Scenarios;

/// <summary>Register frames.</summary>
internal static class Frames
{
    public static HypercallRegisters Random(Random random)
    {
        HypercallRegisters registers = default;
        foreach (GeneralRegister register in HypercallRegisters.All)
        {
            registers[register] = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
        }

        return registers;
    }

    /// <summary>Checks that all registers but some are as they were.</summary>
    /// <param name="before">As they were.</param>
    /// <param name="after">As they are.</param>
    /// <param name="but">Those that may differ.</param>
    public static void CheckUnchanged(in HypercallRegisters before, in HypercallRegisters after, params ReadOnlySpan<GeneralRegister> but)
    {
        foreach (GeneralRegister register in HypercallRegisters.All)
        {
            if (!but.Contains(register))
            {
                Check.Equal(before[register], after[register], $"{register}, which nobody wrote");
            }
        }
    }
}
