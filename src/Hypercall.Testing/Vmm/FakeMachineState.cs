namespace Hypercall.Testing;

/// <summary>Everything about a fake VMM that a call needs, in one snapshot: no call sees half of a change.</summary>
internal sealed record FakeMachineState(FakeVmmPersonality Personality, CpuIdentity Cpu, bool CpuIsChosen, FakeFunctions Functions)
{
    /// <summary>
    /// Whose instruction the CPU executes; null for a vendor that nobody knows, where the forced instruction is taken to be
    /// right.
    /// </summary>
    public FakeVendor? Vendor { get; } = FakeVendor.All.FirstOrDefault(vendor => vendor.Probe(Cpu).IsUsable);

    /// <summary>Whose leaves CPUID shows: the same on a CPU that the VMM has not taken over.</summary>
    public FakeVmmPersonality Shown { get; private init; } = Personality;

    public static CpuIdentity DefaultCpu(FakeVmmPersonality personality)
    {
        // BitVisor hides nothing and adds nothing: the guest sees the CPU's own SVM bit.
        FakeCpuidSignature? first = personality.Signatures.FirstOrDefault(one => one.Leaf == FakeCpuidSignature.FirstLeaf);
        return new CpuIdentity
        {
            Vendor = personality.CpuVendor,
            Brand = personality.Brand,
            MaxLeaf = 0x10,
            SvmReported = personality is BitVisorPersonality,
            HypervisorPresent = personality.SetsHypervisorBit,
            HypervisorSignature = first?.Text ?? "",
            HypervisorMaxLeaf = first?.MaxLeaf ?? 0,
        };
    }

    /// <summary>An instruction as this VMM meets it.</summary>
    public FakeExit ExitBy(HypercallInstruction instruction, int cpl)
    {
        FakeVendor? vendor = FakeVendor.All.FirstOrDefault(vendor => vendor.Encodes(instruction));
        FakeExitKind kind = vendor is null
            ? FakeInstructions.KindOf(instruction)
            : Vendor is null || ReferenceEquals(vendor, Vendor) ? FakeExitKind.Hypercall : FakeExitKind.OtherVendors;
        return new FakeExit(instruction, Cpu, cpl, kind);
    }
}
