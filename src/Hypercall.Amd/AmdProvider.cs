using Iced.Intel;

namespace Hypercall.Amd;

/// <summary>
/// VMMCALL (AMD APM vol. 3, chapter 4 "System Instruction Reference"): AMD's CPUs, and those of Hygon, which implement SVM.
/// </summary>
public sealed class AmdProvider : IHypercallProvider
{
    private static readonly HypercallInstruction Vmmcall = Encode();

    /// <inheritdoc/>
    public string Name => "AMD";

    /// <summary>VMMCALL, <c>0F 01 D9</c>.</summary>
    public HypercallInstruction Instruction => Vmmcall;

    /// <summary>Whether the vendor string is <c>AuthenticAMD</c> or <c>HygonGenuine</c>.</summary>
    /// <param name="cpu">The CPU.</param>
    public bool Serves(CpuIdentity cpu)
    {
        ArgumentNullException.ThrowIfNull(cpu);
        return cpu.Vendor is "AuthenticAMD" or "HygonGenuine";
    }

    private static HypercallInstruction Encode()
    {
        using MemoryStream bytes = new();
        _ = Encoder.Create(64, new StreamCodeWriter(bytes)).Encode(Iced.Intel.Instruction.Create(Code.Vmmcall), 0);
        return new HypercallInstruction("VMMCALL", bytes.ToArray());
    }
}
