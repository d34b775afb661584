namespace Hypercall.Testing;

/// <summary>KVM with Hyper-V's enlightenments, whose guest has not asked for Hyper-V's calls.</summary>
internal sealed class KvmWithHyperVPersonality() : KvmPersonality(nameof(KvmWithHyperV))
{
    public override IReadOnlyList<FakeVmmRule> Rules { get; } =
    [
        .. Kvm.Rules.Where(rule => !rule.Text.StartsWith("CPUID", StringComparison.Ordinal)),
        new("CPUID says Microsoft Hv at 0x40000000 and KVMKVMKVM at 0x40000100.", "measured: QEMU with hv-* flags on a host"),
    ];

    public override IReadOnlyList<FakeCpuidSignature> Signatures { get; } =
    [
        new(FakeCpuidSignature.FirstLeaf, "Microsoft Hv", 0x4000_000A),
        new(0x4000_0100, "KVMKVMKVM", 0x4000_0101),
    ];
}
