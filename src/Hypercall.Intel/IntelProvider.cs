using Iced.Intel;

namespace Hypercall.Intel;

/// <summary>
/// VMCALL (Intel SDM vol. 3C, section 31.3 "VMX instructions"): Intel's CPUs, and those of Centaur and Zhaoxin, which implement VMX.
/// </summary>
public sealed class IntelProvider : IHypercallProvider
{
    private static readonly HypercallInstruction Vmcall = Encode();

    /// <inheritdoc/>
    public string Name => "Intel";

    /// <summary>VMCALL, <c>0F 01 C1</c>.</summary>
    public HypercallInstruction Instruction => Vmcall;

    /// <summary>Whether the vendor string is <c>GenuineIntel</c>, <c>CentaurHauls</c> or <c>  Shanghai  </c> (with its blanks).</summary>
    /// <param name="cpu">The CPU.</param>
    public bool Serves(CpuIdentity cpu)
    {
        ArgumentNullException.ThrowIfNull(cpu);
        return cpu.Vendor is "GenuineIntel" or "CentaurHauls" or "  Shanghai  ";
    }

    private static HypercallInstruction Encode()
    {
        using MemoryStream bytes = new();
        _ = Encoder.Create(64, new StreamCodeWriter(bytes)).Encode(Iced.Intel.Instruction.Create(Code.Vmcall), 0);
        return new HypercallInstruction("VMCALL", bytes.ToArray());
    }
}
