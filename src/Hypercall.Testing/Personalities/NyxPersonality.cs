namespace Hypercall.Testing;

/// <summary>Nyx: a KVM with a fuzzer's calls.</summary>
internal sealed class NyxPersonality() : KvmPersonality(nameof(Nyx), HypercallConvention.Nyx)
{
    private const ulong Id = 0x1F; // HYPERCALL_KAFL_RAX_ID: IntelLabs/kafl.targets, nyx_api.h

    public override IReadOnlyList<FakeVmmRule> Rules { get; } =
    [
        new("A call with RAX = 0x1f is served, from user mode, too.", "IntelLabs/kafl.targets, nyx_api.h, kAFL_hypercall"),
        new("RAX stays 0x1f where such a call has a number that it does not serve.", FakeVmmRule.Assumed),
        new("A refusal of such a call leaves all registers as they were.", FakeVmmRule.Assumed),
        new("Every other call is KVM's: -1 to user mode, -1000 to the guest's kernel.", Emulate),
        new("On Intel, VMMCALL raises #PF, as under KVM.", "nyx-fuzz/KVM-Nyx, README.md: a KVM with patches"),
        new("CPUID says KVMKVMKVM at 0x40000000.", "nyx-fuzz/KVM-Nyx, README.md: a KVM with patches"),
        new("CPUID's brand ends with NYX vCPU (PT), at leaf 0x80000004.", "nyx-fuzz/packer, nyx.h, get_nyx_cpu_type"),
    ];

    public override string CpuVendor => "GenuineIntel";

    // Three leaves of 16 bytes: the last is its own.
    internal override string Brand => base.Brand.PadRight(32) + "NYX vCPU (PT)";

    public override bool Admit(FakeExit vmExit, ref HypercallRegisters registers) =>
        registers.Rax == Id || base.Admit(vmExit, ref registers);

    public override void AnswerUnserved(FakeExit vmExit, ref HypercallRegisters registers)
    {
        if (registers.Rax != Id)
        {
            base.AnswerUnserved(vmExit, ref registers);
        }
    }

    public override void Refuse(FakeExit vmExit, ref HypercallRegisters registers)
    {
        if (registers.Rax != Id)
        {
            base.Refuse(vmExit, ref registers);
        }
    }
}
