namespace Hypercall.Testing;

/// <summary>
/// An instruction that leaves the guest, as the VMM meets it: which one, on which CPU, from which privilege level.
/// </summary>
public sealed class FakeExit
{
    internal FakeExit(HypercallInstruction instruction, CpuIdentity cpu, int cpl, FakeExitKind kind)
    {
        Instruction = instruction;
        Cpu = cpu;
        Cpl = cpl;
        Kind = kind;
    }

    /// <summary>The instruction.</summary>
    public HypercallInstruction Instruction { get; }

    /// <summary>The CPU.</summary>
    public CpuIdentity Cpu { get; }

    /// <summary>The privilege level of the caller: 3 for a program, 0 for the guest's kernel.</summary>
    public int Cpl { get; }

    /// <summary>What kind of instruction it is on this CPU.</summary>
    public FakeExitKind Kind { get; }
}
