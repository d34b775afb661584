namespace Hypercall;

/// <summary>Which way data goes in a transfer.</summary>
[Flags]
public enum Direction
{
    /// <summary>The VMM reads the memory.</summary>
    ToVmm = 1,

    /// <summary>The VMM writes the memory.</summary>
    FromVmm = 2,

    /// <summary>The VMM reads and writes the memory.</summary>
    Both = ToVmm | FromVmm,
}
