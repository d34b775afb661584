namespace Hypercall.Testing;

/// <summary>VMware's backdoor, by instruction and by port.</summary>
internal sealed class VmwarePersonality() : FakeVmmPersonality(nameof(Vmware), HypercallConvention.Vmware)
{
    private const string Header = "Linux, arch/x86/include/asm/vmware.h";
    private const string Qemu = "QEMU, hw/i386/vmport.c, vmport_ioport_read";

    private const uint Magic = 0x564D5868; // VMWARE_HYPERVISOR_MAGIC: Linux, arch/x86/include/asm/vmware.h
    private const ushort Port = 0x5658; // VMWARE_HYPERVISOR_PORT: the same
    private const uint Features = 0x4000_0010; // CPUID_VMWARE_FEATURES_LEAF: Linux, arch/x86/kernel/cpu/vmware.c
    private const ulong No = uint.MaxValue;

    public override IReadOnlyList<FakeVmmRule> Rules { get; } =
    [
        new("The CPU's own instruction is served from user mode, where EAX is 0x564d5868.", Header),
        new("Without that number in EAX the instruction raises #UD.", FakeVmmRule.Assumed),
        new("The other vendor's instruction raises #UD.", FakeVmmRule.Assumed),
        new("IN EAX, DX on port 0x5658 is served as well, where the guest's kernel allows the port.", Qemu),
        new(
            "A command that it does not serve gives EAX = 0xffffffff, and changes no other register.",
            Qemu + "; measured under QEMU: EAX 0xffffffff, EBX 0 as it went in"),
        new("OUT DX, EAX on port 0x5658 is answered as IN is.", "QEMU, hw/i386/vmport.c, vmport_ioport_write"),
        new("Another port, or IN without that number in EAX, gives EAX = 0xffffffff.", Qemu),
        new("CPUID says VMwareVMware at 0x40000000.", "Linux, arch/x86/kernel/cpu/vmware.c, vmware_platform"),
        new(
            "CPUID leaf 0x40000010, ECX says that the CPU's own instruction is served: bit 0 VMMCALL, bit 1 VMCALL.",
            "Linux, arch/x86/kernel/cpu/vmware.c, vmware_select_hypercall"),
        new("A refusal is EAX = 0xffffffff.", FakeVmmRule.Assumed),
    ];

    public override IReadOnlyList<FakeCpuidSignature> Signatures { get; } =
        [new(FakeCpuidSignature.FirstLeaf, "VMwareVMware", Features)];

    internal override CpuidResult LeafAt(uint leaf, CpuIdentity cpu) =>
        leaf == Features ? new CpuidResult(0, 0, FakeVendor.Amd.Probe(cpu).IsUsable ? 1u : 2u, 0) : default;

    public override bool Watches(FakeExit vmExit, in HypercallRegisters registers) =>
        vmExit.Kind is FakeExitKind.In or FakeExitKind.Out
        && FakeInstructions.WidthOf(vmExit.Instruction) == sizeof(uint)
        && (ushort)registers.Rdx == Port;

    public override CpuFaultKind Fault(FakeExit vmExit, in HypercallRegisters registers) =>
        vmExit.Kind == FakeExitKind.Hypercall && (uint)registers.Rax != Magic ? CpuFaultKind.InvalidOpcode : base.Fault(vmExit, in registers);

    public override bool Admit(FakeExit vmExit, ref HypercallRegisters registers)
    {
        if ((uint)registers.Rax == Magic || !Watches(vmExit, in registers))
        {
            return true;
        }

        registers.Rax = No;
        return false;
    }

    public override void AnswerUnserved(FakeExit vmExit, ref HypercallRegisters registers) => registers.Rax = No;

    public override void Refuse(FakeExit vmExit, ref HypercallRegisters registers) => registers.Rax = No;
}
