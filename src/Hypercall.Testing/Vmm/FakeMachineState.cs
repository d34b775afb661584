namespace Hypercall.Testing;

/// <summary>Everything about a fake VMM that a call needs, in one snapshot: no call sees half of a change.</summary>
internal sealed record FakeMachineState(FakeVmmPersonality Personality, CpuIdentity Cpu, bool CpuIsChosen, FakeFunctions Functions)
{
    /// <summary>Whose instruction the CPU executes; null for a vendor that nobody knows, where the forced instruction is taken to be right.</summary>
    public FakeVendor? Vendor { get; } = FakeVendor.All.FirstOrDefault(vendor => vendor.Probe(Cpu).IsUsable);

    public static CpuIdentity DefaultCpu(FakeVmmPersonality personality)
    {
        CpuIdentity bare = new() { Vendor = "AuthenticAMD", Brand = "Hypercall Fake Processor", MaxLeaf = 0x10 };
        return personality switch
        {
            // BitVisor hides nothing and adds nothing: the guest sees the CPU's own SVM bit.
            FakeVmmPersonality.BitVisor => bare with { SvmReported = true },
            FakeVmmPersonality.Kvm => bare with
            {
                HypervisorPresent = true,
                HypervisorSignature = "KVMKVMKVM",
                HypervisorMaxLeaf = 0x4000_0001, // Linux, Documentation/virt/kvm/x86/cpuid.rst
            },
            FakeVmmPersonality.Deaf => bare with { HypervisorPresent = true },
            _ => bare,
        };
    }
}
