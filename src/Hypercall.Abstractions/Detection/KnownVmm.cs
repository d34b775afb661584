namespace Hypercall;

/// <summary>A VMM that is known: what it calls itself, and which ways lead down to it.</summary>
public sealed class KnownVmm
{
    private KnownVmm(string name, string ways, string source)
    {
        Name = name;
        Ways = ways;
        Source = source;
    }

    /// <summary>KVM.</summary>
    internal static KnownVmm Kvm { get; } = new(
        "KVM",
        "VMCALL on Intel, VMMCALL on AMD: answered, and refused from user mode with -1",
        "Linux, Documentation/virt/kvm/x86/cpuid.rst; arch/x86/kvm/hyperv.c, kvm_get_hv_cpuid")
    {
        Signatures = ["KVMKVMKVM", "Linux KVM Hv"],
        Conventions = [HypercallConvention.Kvm, HypercallConvention.HyperV],
    };

    /// <summary>Xen. Under a PV guest CPUID may show nothing of it.</summary>
    internal static KnownVmm Xen { get; } = new(
        "Xen",
        "HVM and PVH: VMCALL on Intel, VMMCALL on AMD, refused from user mode with -1; PV: #UD, and /dev/xen/privcmd for root",
        "Xen, xen/include/public/arch-x86/cpuid.h")
    {
        Signatures = ["XenVMMXenVMM"],
        Conventions = [HypercallConvention.Xen],
    };

    /// <summary>Hyper-V; or another VMM that shows Hyper-V's leaves to its guest, as KVM, Xen and VirtualBox can.</summary>
    internal static KnownVmm HyperV { get; } = new(
        "Hyper-V",
        "the guest's kernel only: #UD from user mode",
        "Hypervisor Top Level Functional Specification, Feature and Interface Discovery")
    {
        Signatures = ["Microsoft Hv"],
        Conventions = [HypercallConvention.HyperV],
    };

    /// <summary>VMware.</summary>
    internal static KnownVmm Vmware { get; } = new(
        "VMware",
        "IN on port 0x5658; VMCALL or VMMCALL where CPUID leaf 0x40000010 says so",
        "Linux, arch/x86/kernel/cpu/vmware.c")
    {
        Signatures = ["VMwareVMware"],
        Conventions = [HypercallConvention.Vmware, HypercallConvention.VmwarePort],
    };

    /// <summary>QEMU that emulates the CPU: a whole machine, or one program (qemu-x86_64).</summary>
    internal static KnownVmm QemuTcg { get; } = new(
        "QEMU (TCG)",
        "VMware's port 0x5658 where the machine has it (pc, vmport=on), with permission; VMCALL and VMMCALL: #UD",
        "QEMU, target/i386/cpu.c, cpu_x86_cpuid; hw/i386/vmport.c")
    {
        Signatures = ["TCGTCGTCGTCG"],
        Conventions = [HypercallConvention.VmwarePort],
    };

    /// <summary>kAFL and Nyx: a KVM for fuzzing, which names itself in the CPU's brand.</summary>
    internal static KnownVmm Nyx { get; } = new(
        "Nyx",
        "VMCALL with RAX = 0x1f, from user mode, too; 'NO-PT': OUT on port 0x5658",
        "nyx-fuzz/packer, nyx.h, is_nyx_vcpu and get_nyx_cpu_type")
    {
        Conventions = [HypercallConvention.Nyx, HypercallConvention.Kvm],
    };

    /// <summary>ACRN.</summary>
    internal static KnownVmm Acrn { get; } = new(
        "ACRN",
        "VMCALL of the Service VM's kernel only: #GP from user mode, #UD from other VMs",
        "Linux, arch/x86/include/asm/acrn.h; projectacrn/acrn-hypervisor, hypervisor/arch/x86/guest/vmcall.c")
    {
        Signatures = ["ACRNACRNACRN"],
        Conventions = [HypercallConvention.Acrn],
    };

    /// <summary>BitVisor. It shows nothing of itself, anywhere: only a look-up by name finds it.</summary>
    internal static KnownVmm BitVisor { get; } = new(
        "BitVisor",
        "VMCALL on Intel, VMMCALL on AMD, from user mode",
        "matsu/bitvisor, core/vmmcall.c; measured, in CPUID it is not seen")
    {
        Conventions = [HypercallConvention.BitVisor],
    };

    /// <summary>bhyve.</summary>
    internal static KnownVmm Bhyve { get; } = new("bhyve", NoWay, "FreeBSD, sys/amd64/vmm/x86.c, bhyve_id")
    {
        Signatures = ["bhyve bhyve"],
    };

    /// <summary>VirtualBox, with its minimal interface. With others it calls itself KVM, or Hyper-V.</summary>
    internal static KnownVmm VirtualBox { get; } = new(
        "VirtualBox", NoWay, "VirtualBox manual, Paravirtualization Providers; Fuchsia, lib/arch, CPUID of a guest")
    {
        Signatures = ["VBoxVBoxVBox"],
    };

    /// <summary>Parallels.</summary>
    internal static KnownVmm Parallels { get; } = new("Parallels", NoWay, "stress-ng, x86_virt_id_str; virt-what")
    {
        Signatures = ["prl hyperv", "lrpepyh  vr", "lrpepyh vr"], // the second and third: two letters of each word swapped
    };

    /// <summary>Jailhouse.</summary>
    internal static KnownVmm Jailhouse { get; } = new(
        "Jailhouse",
        "VMCALL on Intel, VMMCALL on AMD, for the kernels of its cells",
        "siemens/jailhouse, hypervisor/arch/x86/vcpu.c; include/arch/x86/asm/jailhouse_hypercall.h")
    {
        Signatures = ["Jailhouse"],
    };

    /// <summary>QNX Hypervisor.</summary>
    internal static KnownVmm Qnx { get; } = new("QNX Hypervisor", NoWay, "systemd, src/basic/virt.c, vm_table")
    {
        Signatures = ["QNXQVMBSQG"],
    };

    /// <summary>Apple's Virtualization framework.</summary>
    internal static KnownVmm AppleVz { get; } = new("Apple Virtualization", NoWay, "systemd, src/basic/virt.c, vm_table")
    {
        Signatures = ["Apple VZ"],
    };

    /// <summary>Lockheed Martin's Hardened Security (SRE).</summary>
    internal static KnownVmm Sre { get; } = new("SRE", NoWay, "systemd, src/basic/virt.c, vm_table")
    {
        Signatures = ["SRESRESRESRE"],
    };

    /// <summary>HAXM.</summary>
    internal static KnownVmm Haxm { get; } = new("HAXM", NoWay, "intel/haxm, core/cpuid.c") { Signatures = ["HAXMHAXMHAXM"] };

    /// <summary>NetBSD's NVMM.</summary>
    internal static KnownVmm Nvmm { get; } = new("NVMM", NoWay, "NetBSD, sys/arch/x86/x86/identcpu.c")
    {
        Signatures = ["___ NVMM ___"],
    };

    /// <summary>OpenBSD's vmm.</summary>
    internal static KnownVmm OpenBsdVmm { get; } = new("OpenBSD vmm", NoWay, "OpenBSD, sys/arch/amd64/include/vmmvar.h")
    {
        Signatures = ["OpenBSDVMM58"],
    };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KnownVmm> All { get; } =
    [
        Kvm, Xen, HyperV, Vmware, QemuTcg, Nyx, Acrn, BitVisor, Bhyve, VirtualBox, Parallels, Jailhouse, Qnx,
        AppleVz, Sre, Haxm, Nvmm, OpenBsdVmm,
    ];

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>What it calls itself in CPUID (<see cref="CpuidSignature.Text"/>); empty where it does not.</summary>
    public IReadOnlyList<string> Signatures { get; private init; } = [];

    /// <summary>The conventions that it serves, to the guest's kernel or to user mode; empty where none is known.</summary>
    public IReadOnlyList<HypercallConvention> Conventions { get; private init; } = [];

    /// <summary>Which ways lead down to it, and for whom, in a few words.</summary>
    public string Ways { get; }

    /// <summary>Who says so.</summary>
    public string Source { get; }

    private static string NoWay => "none that is known here";

    /// <summary>The VMM that calls itself so; null where none of <see cref="All"/> does.</summary>
    /// <param name="signature">What CPUID says, without the blanks around it.</param>
    public static KnownVmm? BySignature(string signature) => All.FirstOrDefault(vmm => vmm.Signatures.Contains(signature));

    /// <inheritdoc/>
    public override string ToString() => Name;
}
