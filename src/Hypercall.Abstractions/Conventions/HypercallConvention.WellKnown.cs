using static Hypercall.GeneralRegister;

namespace Hypercall;

public sealed partial class HypercallConvention
{
    /// <summary>
    /// BitVisor: number in RAX, arguments in RBX, RCX, RDX, RSI, RDI, result in RAX. No value of RAX means failure to everybody: an
    /// unknown number gives 0, which may be a result as well. Served from user mode.
    /// </summary>
    /// <remarks>
    /// Source: matsu/bitvisor, <c>core/vmmcall.c</c> (<c>vmmcall</c>, <c>get_vmmcall_number</c>). Functions of today's BitVisor read RBX and RCX.
    /// For calls by name use <see cref="BitVisor.BitVisorClient"/>.
    /// </remarks>
    public static HypercallConvention BitVisor { get; } = new(
        "BitVisor", number: Rax, arguments: [Rbx, Rcx, Rdx, Rsi, Rdi],
        source: "matsu/bitvisor, core/vmmcall.c");

    /// <summary>
    /// KVM: number in RAX, arguments in RBX, RCX, RDX, RSI, result in RAX, negative for failure: -1 EPERM (every call from user
    /// mode), -7 E2BIG, -14 EFAULT, -22 EINVAL, -95 EOPNOTSUPP, -1000 ENOSYS. No other register changes.
    /// </summary>
    /// <remarks>Source: Linux, Documentation/virt/kvm/x86/hypercalls.rst and include/uapi/linux/kvm_para.h. A 32-bit caller gets a 32-bit result.</remarks>
    public static HypercallConvention Kvm { get; } = new(
        "KVM", number: Rax, arguments: [Rbx, Rcx, Rdx, Rsi], failure: HypercallFailureRule.NegativeErrno,
        source: "Linux, Documentation/virt/kvm/x86/hypercalls.rst");

    /// <summary>
    /// Xen, 64-bit HVM and PVH: number in RAX, arguments in RDI, RSI, RDX, R10, R8, result in RAX, a negative errno for failure
    /// (-1 EPERM from user mode). The argument registers of a call may be overwritten.
    /// </summary>
    /// <remarks>
    /// Source: Xen, docs/guest-guide/x86/hypercall-abi.rst and xen/include/public/arch-x86/xen-x86_64.h. The guide tells of a sixth argument in
    /// R9; the public header and today's dispatcher have five. Xen prefers its hypercall page to a bare instruction.
    /// </remarks>
    public static HypercallConvention Xen { get; } = new(
        "Xen", number: Rax, arguments: [Rdi, Rsi, Rdx, R10, R8], failure: HypercallFailureRule.NegativeErrno,
        source: "Xen, docs/guest-guide/x86/hypercall-abi.rst; xen/include/public/arch-x86/xen-x86_64.h");

    /// <summary>
    /// Hyper-V, by general registers: the hypercall input value in RCX, then RDX and R8: the guest physical addresses of input
    /// and output, or 16 bytes of input when bit 16 (fast) is set. Result in RAX, whose low 16 bits are the status, 0 for success. CPL 0 only
    /// (#UD from user mode).
    /// </summary>
    /// <remarks>
    /// <code>
    /// RCX:  63..60  59........48  47..44  43......32  31      30..27  26.......17  16    15.....0
    ///       zero    rep start     zero    rep count   nested  zero    header size  fast  call code
    /// </code>
    /// Source: Hypervisor Top Level Functional Specification, "Hypercall Interface"; Linux, arch/x86/include/asm/mshyperv.h. Hyper-V wants calls to go through its
    /// hypercall page, and may refuse a bare instruction. RCX, RDX and R8 to R11 may be overwritten.
    /// </remarks>
    public static HypercallConvention HyperV { get; } = new(
        "Hyper-V", number: Rcx, arguments: [Rdx, R8], failure: HypercallFailureRule.HyperVStatus,
        source: "Hypervisor Top Level Functional Specification, Hypercall Interface");

    /// <summary>
    /// VMware's backdoor, reached by VMCALL or VMMCALL: 0x564D5868 in RAX, the command in RCX, arguments in RBX, RDX, RSI, RDI; the result
    /// register given here is RAX. Only the low 32 bits of each register count. Failure differs from command to command: GETVERSION (10)
    /// leaves 0xffffffff in EAX, GETHZ (45) in EBX; so no value of RAX means failure to everybody.
    /// </summary>
    /// <remarks>
    /// Source: Linux 6.11 and later, arch/x86/include/asm/vmware.h (<c>vmware_hypercall1</c> to <c>7</c>). In this form the low word of EDX carries flags (bit 0 high bandwidth,
    /// bit 1 out), not the port 0x5658 of the I/O form. CPUID leaf 0x40000010 ECX says which instruction is served: bit 0 VMMCALL, bit 1 VMCALL.
    /// </remarks>
    public static HypercallConvention Vmware { get; } = new(
        "VMware", number: Rcx, arguments: [Rbx, Rdx, Rsi, Rdi],
        constants: [new(Rax, 0x564D5868)], // VMWARE_HYPERVISOR_MAGIC
        source: "Linux, arch/x86/include/asm/vmware.h");

    /// <summary>
    /// ACRN: number in R8, arguments in RDI and RSI, result in RAX, negative for failure. The Service VM's kernel only: #GP from user mode, #UD from
    /// other VMs. Intel only.
    /// </summary>
    /// <remarks>
    /// Source: Linux, arch/x86/include/asm/acrn.h; projectacrn/acrn-hypervisor, hypervisor/arch/x86/guest/vmcall.c. RAX is left as it was by a call that ends in
    /// -EACCES or -ENODEV, so 0 in RAX does not prove success there.
    /// </remarks>
    public static HypercallConvention Acrn { get; } = new(
        "ACRN", number: R8, arguments: [Rdi, Rsi], failure: HypercallFailureRule.NegativeErrno,
        source: "Linux, arch/x86/include/asm/acrn.h");

    /// <summary>
    /// kAFL and Nyx: 0x1F in RAX, the number in RBX, one argument in RCX; RAX holds the result of the calls that have one and stays 0x1F otherwise. Served from
    /// user mode, by VMCALL; on AMD the fuzzer's own headers use an I/O port instead.
    /// </summary>
    /// <remarks>Source: IntelLabs/kafl.targets, nyx_api.h (<c>kAFL_hypercall</c>, HYPERCALL_KAFL_RAX_ID).</remarks>
    public static HypercallConvention Nyx { get; } = new(
        "Nyx", number: Rbx, arguments: [Rcx],
        constants: [new(Rax, 0x1F)], // HYPERCALL_KAFL_RAX_ID
        source: "IntelLabs/kafl.targets, nyx_api.h");

    /// <summary>All conventions above.</summary>
    public static IReadOnlyList<HypercallConvention> All { get; } = [BitVisor, Kvm, Xen, HyperV, Vmware, Acrn, Nyx];
}
