namespace Hypercall;

/// <summary>What a program may say about how hypercalls are made.</summary>
public sealed class HypercallOptions
{
    /// <summary>
    /// The mnemonic of the instruction to use, such as <c>VMCALL</c>, in any case. Null, the default, lets the CPU's vendor decide.
    /// It must be the instruction of a registered provider.
    /// </summary>
    public string? Instruction { get; set; }

    /// <summary>
    /// Whether to try the other registered instruction, once, when the first one raises #UD, #GP, or a #PF on its own bytes; the
    /// one that completes is remembered. The default is false: a wrong instruction is an error that says so.
    /// </summary>
    public bool TryOtherInstruction { get; set; }
}
