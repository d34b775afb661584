using static Hypercall.GeneralRegister;

namespace Hypercall;

public sealed partial class HypercallConvention
{
    private const ulong VmwareMagic = 0x564D5868; // VMWARE_HYPERVISOR_MAGIC, Linux arch/x86/include/asm/vmware.h
    private const ulong VmwarePortNumber = 0x5658; // VMWARE_HYPERVISOR_PORT, the same
    private const ulong NyxRaxId = 0x1F; // HYPERCALL_KAFL_RAX_ID, IntelLabs/kafl.targets nyx_api.h
    private const ulong NyxStreamData = 30; // HYPERCALL_KAFL_REQ_STREAM_DATA: -1 is its own answer to a file that is not there
    private const ulong NyxStreamDataBulk = 38; // HYPERCALL_KAFL_REQ_STREAM_DATA_BULK: the same

    /// <summary>
    /// BitVisor: number in RAX, arguments in RBX, RCX, RDX, RSI, RDI, result in RAX. No value of RAX means failure to everybody:
    /// an unknown number gives 0, which may be a result as well. Served from user mode.
    /// </summary>
    /// <remarks>
    /// Source: matsu/bitvisor, <c>core/vmmcall.c</c> (<c>vmmcall</c>, <c>get_vmmcall_number</c>). Functions of today's BitVisor
    /// read RBX and RCX. For calls by name there is <c>BitVisorClient</c>, in the package Hypercall.BitVisor.
    /// </remarks>
    public static HypercallConvention BitVisor { get; } = new(
        "BitVisor",
        number: Rax, // core/vmmcall.c, vmmcall: read_general_reg (GENERAL_REG_RAX), the whole register
        arguments: [Rbx, Rcx, Rdx, Rsi, Rdi], // each function's own: get_status and log_set_buf read RBX and RCX
        result: Rax, // write_general_reg (GENERAL_REG_RAX) by each function
        layout: TransferLayout.AddressAndLength,
        source: "matsu/bitvisor, core/vmmcall.c");

    /// <summary>
    /// KVM: number in RAX, arguments in RBX, RCX, RDX, RSI, result in RAX, negative for failure: -1 EPERM (every call from user
    /// mode), -7 E2BIG, -14 EFAULT, -22 EINVAL, -95 EOPNOTSUPP, -1000 ENOSYS. No other register changes.
    /// </summary>
    /// <remarks>
    /// Source: Linux, Documentation/virt/kvm/x86/hypercalls.rst and include/uapi/linux/kvm_para.h. A 32-bit caller gets a 32-bit
    /// result.
    /// </remarks>
    public static HypercallConvention Kvm { get; } = new(
        "KVM",
        number: Rax, // hypercalls.rst, "The hypercall number"; arch/x86/kvm/x86.c, kvm_emulate_hypercall: nr = rax
        arguments: [Rbx, Rcx, Rdx, Rsi], // the same: a0 to a3
        result: Rax,
        failure: HypercallFailureRule.NegativeErrno,
        source: "Linux, Documentation/virt/kvm/x86/hypercalls.rst")
    {
        HypervisorSignatures = ["KVMKVMKVM"], // Linux, Documentation/virt/kvm/x86/cpuid.rst
    };

    /// <summary>
    /// Xen, 64-bit HVM and PVH: number in RAX, arguments in RDI, RSI, RDX, R10, R8, result in RAX, a negative errno for failure
    /// (-1 EPERM from user mode). The argument registers of a call may be overwritten.
    /// </summary>
    /// <remarks>
    /// Source: Xen, docs/guest-guide/x86/hypercall-abi.rst and xen/include/public/arch-x86/xen-x86_64.h. The guide tells of a
    /// sixth argument in R9; the public header and today's dispatcher have five. Xen prefers its hypercall page to a bare
    /// instruction.
    /// </remarks>
    public static HypercallConvention Xen { get; } = new(
        "Xen",
        number: Rax, // hypercall-abi.rst, "Hypercall number"; the page's stubs load EAX
        arguments: [Rdi, Rsi, Rdx, R10, R8], // xen-x86_64.h, "Hypercall interface"
        result: Rax, // the same: "Return: %rax"
        failure: HypercallFailureRule.NegativeErrno,
        source: "Xen, docs/guest-guide/x86/hypercall-abi.rst; xen/include/public/arch-x86/xen-x86_64.h")
    {
        HypervisorSignatures = ["XenVMMXenVMM"], // Xen, xen/include/public/arch-x86/cpuid.h, XEN_CPUID_SIGNATURE_EBX and on
    };

    /// <summary>
    /// Hyper-V, by general registers: the hypercall input value in RCX, of which the call code (the number) is bits 15:0; then
    /// RDX and R8: the guest physical addresses of input and output, or 16 bytes of input when the fast bit is set; then the rest
    /// of the input value: bits 63:16 of RCX. Result in RAX, whose low 16 bits are the status, 0 for success. CPL 0 only (#UD
    /// from user mode).
    /// </summary>
    /// <remarks>
    /// <code>
    /// RCX:             63..60  59........48  47..44  43......32  31      30..27  26.......17  16    15.....0
    ///                  zero    rep start     zero    rep count   nested  zero    header size  fast  call code
    /// third argument:  47..44  43........32  31..28  27......16  15      14..11  10........1  0
    /// </code>
    /// Source: Hypervisor Top Level Functional Specification, "Hypercall Interface"; Linux, arch/x86/include/asm/mshyperv.h.
    /// Hyper-V wants calls to go through its hypercall page, and may refuse a bare instruction. RCX, RDX and R8 to R11 may be
    /// overwritten.
    /// </remarks>
    public static HypercallConvention HyperV { get; } = new(
        "Hyper-V",
        number: new(Rcx, 0, 16), // TLFS, "Hypercall Inputs": call code, bits 15-0
        arguments:
        [
            Rdx, // TLFS, "Register Mapping (Input GPA)"
            R8, // TLFS, "Register Mapping (Output GPA)"
            new(Rcx, 16, 48), // TLFS, "Hypercall Inputs": fast, variable header size, nested, rep count, rep start index
        ],
        result: Rax, // TLFS, "Hypercall Outputs"
        failure: HypercallFailureRule.HyperVStatus,
        source: "Hypervisor Top Level Functional Specification, Hypercall Interface")
    {
        // TLFS, "Feature and Interface Discovery"; KVM's own: Linux, arch/x86/kvm/hyperv.c, kvm_get_hv_cpuid
        HypervisorSignatures = ["Microsoft Hv", "Linux KVM Hv"],
    };

    /// <summary>
    /// VMware's backdoor, reached by VMCALL or VMMCALL: 0x564D5868 in RAX, the command in bits 15:0 of RCX; arguments in RBX,
    /// RSI, RDI, then bits 31:16 of RDX (the channel), bits 31:16 of RCX (the command's own command), bits 1:0 of RDX (flags: bit
    /// 0 high bandwidth, bit 1 out). Only the low 32 bits of each register count. Failure differs from command to command:
    /// GETVERSION (10) leaves 0xffffffff in EAX, GETHZ (45) in EBX; so no value of RAX means failure to everybody.
    /// </summary>
    /// <remarks>
    /// Source: Linux 6.11 and later, arch/x86/include/asm/vmware.h (<c>vmware_hypercall1</c> to <c>7</c>). In this form the low
    /// word of EDX carries flags, not the port of <see cref="VmwarePort"/>. CPUID leaf 0x40000010 ECX says which instruction is
    /// served: bit 0 VMMCALL, bit 1 VMCALL. All 64 bits of RAX set, and no other register changed, is KVM's refusal: a command
    /// answers in 32 bits.
    /// </remarks>
    public static HypercallConvention Vmware { get; } = new(
        "VMware",
        number: new(Rcx, 0, 16), // vmware.h, "ecx: command"
        arguments: [Rbx, Rsi, Rdi, new(Rdx, 16, 16), new(Rcx, 16, 16), new(Rdx, 0, 2)], // in1, in4, in5, in3; ecx of vmwgfx_msg.c: (type << 16) | command; VMWARE_HYPERVISOR_HB and _OUT
        result: Rax, // out0
        constants: [new(Rax, VmwareMagic)],
        foreign: IsRefusalOfKvm,
        source: "Linux, arch/x86/include/asm/vmware.h")
    {
        HypervisorSignatures = ["VMwareVMware"], // Linux, arch/x86/kernel/cpu/vmware.c, vmware_platform
    };

    /// <summary>
    /// VMware's backdoor by its port (IN EAX, DX): as <see cref="Vmware"/>, with 0x5658 in bits 15:0 of RDX instead of flags. The
    /// instruction is a channel's business; VMMs other than VMware serve it, too, QEMU among them.
    /// </summary>
    /// <remarks>
    /// Source: Linux, arch/x86/include/asm/vmware.h (<c>VMWARE_HYPERVISOR_PORT</c>). No answer proves another VMM: a port that
    /// nobody serves reads 0xffffffff, as an unknown command does.
    /// </remarks>
    public static HypercallConvention VmwarePort { get; } = new(
        "VMware-port",
        number: new(Rcx, 0, 16), // vmware.h, "ecx: command"
        arguments: [Rbx, Rsi, Rdi, new(Rdx, 16, 16), new(Rcx, 16, 16)], // in1, in4, in5, in3; ecx of vmwgfx_msg.c: (type << 16) | command
        result: Rax, // out0; IN writes EAX
        constants: [new(Rax, VmwareMagic), new(new(Rdx, 0, 16), VmwarePortNumber)],
        source: "Linux, arch/x86/include/asm/vmware.h")
    {
        // the same; QEMU serves the port under KVM and Xen, too: hw/i386/vmport.c
        HypervisorSignatures = ["VMwareVMware", "KVMKVMKVM", "XenVMMXenVMM"],
    };

    /// <summary>
    /// ACRN: number in R8, arguments in RDI and RSI, result in RAX, negative for failure. The Service VM's kernel only: #GP from
    /// user mode, #UD from other VMs. Intel only.
    /// </summary>
    /// <remarks>
    /// Source: Linux, arch/x86/include/asm/acrn.h; projectacrn/acrn-hypervisor, hypervisor/arch/x86/guest/vmcall.c. RAX is left
    /// as it was by a call that ends in
    /// -EACCES or -ENODEV, so 0 in RAX does not prove success there.
    /// </remarks>
    public static HypercallConvention Acrn { get; } = new(
        "ACRN",
        number: R8, // acrn.h, acrn_hypercall0: "movl %1, %%r8d"
        arguments: [Rdi, Rsi], // acrn_hypercall2: "D" (param1), "S" (param2)
        result: Rax, // "=a" (result)
        failure: HypercallFailureRule.NegativeErrno,
        source: "Linux, arch/x86/include/asm/acrn.h")
    {
        HypervisorSignatures = ["ACRNACRNACRN"], // the same, acrn_cpuid_base
    };

    /// <summary>
    /// kAFL and Nyx: 0x1F in RAX, the number in RBX, one argument in RCX; RAX holds the result of the calls that have one and
    /// stays 0x1F otherwise. Served from user mode, by VMCALL; on AMD the fuzzer's own headers use an I/O port instead.
    /// </summary>
    /// <remarks>
    /// Source: IntelLabs/kafl.targets, nyx_api.h (<c>kAFL_hypercall</c>, HYPERCALL_KAFL_RAX_ID). RAX = -1, with no other register
    /// changed, is KVM's refusal, but for the two calls that ask for a file (30 and 38): there it may be the fuzzer's own.
    /// </remarks>
    public static HypercallConvention Nyx { get; } = new(
        "Nyx",
        number: Rbx, // nyx_api.h, kAFL_hypercall: p1
        arguments: [Rcx], // the same: p2
        result: Rax,
        constants: [new(Rax, NyxRaxId)],
        foreign: static (in sent, in received) => sent.Rbx is not (NyxStreamData or NyxStreamDataBulk) && IsRefusalOfKvm(in sent, in received),
        source: "IntelLabs/kafl.targets, nyx_api.h")
    {
        HypervisorSignatures = ["KVMKVMKVM"], // its VMM is a KVM with patches: nyx-fuzz/KVM-Nyx, README.md
    };

    /// <summary>All conventions above.</summary>
    public static IReadOnlyList<HypercallConvention> All { get; } = [BitVisor, Kvm, Xen, HyperV, Vmware, VmwarePort, Acrn, Nyx];

    // EPERM in all of RAX, and nothing else written: arch/x86/kvm/x86.c, kvm_emulate_hypercall, from CPL > 0.
    private static bool IsRefusalOfKvm(in HypercallRegisters sent, in HypercallRegisters received)
    {
        HypercallRegisters refused = sent;
        refused.Rax = ulong.MaxValue;
        return received.Rax == ulong.MaxValue && received == refused;
    }
}
