namespace Hypercall;

/// <summary>Some of the registers of a frame. The default value is all of them.</summary>
public readonly record struct RegisterSet
{
    private readonly int _missing; // a bit for each register, by the CPU's number

    private RegisterSet(int missing) => _missing = missing;

    /// <summary>All 15.</summary>
    public static RegisterSet All => default;

    /// <summary>These, and no others.</summary>
    /// <param name="registers">The registers.</param>
    public static RegisterSet Of(params ReadOnlySpan<GeneralRegister> registers)
    {
        int missing = ushort.MaxValue;
        foreach (GeneralRegister register in registers)
        {
            _ = default(HypercallRegisters)[register]; // a value that is no register is refused here
            missing &= ~(1 << (int)register);
        }

        return new RegisterSet(missing & ~(1 << 4)); // RSP is in no frame
    }

    /// <summary>Whether a register is among them.</summary>
    /// <param name="register">The register.</param>
    public bool Contains(GeneralRegister register) => (_missing & (1 << (int)register)) == 0;

    internal RegisterSet Intersect(RegisterSet other) => new(_missing | other._missing);

    /// <summary>Their names: <c>RAX, RDI</c>.</summary>
    public override string ToString()
    {
        List<string> names = [];
        foreach (GeneralRegister register in HypercallRegisters.All)
        {
            if (Contains(register))
            {
                names.Add(register.ToString().ToUpperInvariant());
            }
        }

        return names.Count == 0 ? "none" : string.Join(", ", names);
    }
}
