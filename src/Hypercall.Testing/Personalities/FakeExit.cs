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
        IsWatched = kind is FakeExitKind.In or FakeExitKind.Out or FakeExitKind.Cpuid;
    }

    /// <summary>The instruction.</summary>
    public HypercallInstruction Instruction { get; }

    /// <summary>The CPU.</summary>
    public CpuIdentity Cpu { get; }

    /// <summary>The privilege level of the caller: 3 for a program, 0 for the guest's kernel.</summary>
    public int Cpl { get; }

    /// <summary>What kind of instruction it is on this CPU.</summary>
    public FakeExitKind Kind { get; }

    /// <summary>Whether the CPU executes it with no VMM, too: a VMM has to watch the leaf or the port to hear of it.</summary>
    internal bool IsWatched { get; }

    /// <summary>
    /// Whether a convention says that it goes by this instruction: it fixes bits of EAX alone, which CPUID takes for the leaf, or
    /// DX, which holds the port.
    /// </summary>
    /// <remarks>
    /// <code>
    ///   RAX  63...32 31........0        RDX  63........16 15.....0
    ///                [ leaf ]                             [ port ]
    /// </code>
    /// One that fixes all of RAX, as VMware's and Nyx' do, has a mark for a hypercall there: CPUID ignores the upper half.
    /// </remarks>
    internal bool IsNamedBy(HypercallConvention convention) => convention.Constants.Any(constant => Kind == FakeExitKind.Cpuid
        ? constant.Key is { Register: GeneralRegister.Rax } field && field.Shift + field.Bits <= 32
        : constant.Key is { Register: GeneralRegister.Rdx, Shift: 0, Bits: 16 });
}
