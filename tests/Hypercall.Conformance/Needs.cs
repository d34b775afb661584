namespace Hypercall.Conformance;

/// <summary>What a scenario needs of a machine. A machine says of each whether it has it, and if not, why.</summary>
[Flags]
internal enum Needs
{
    None = 0,

    /// <summary>No VMM at all: every call ends in the typed error of that.</summary>
    NoVmm = 1 << 0,

    /// <summary>A VMM of the ABI of docs and vmm-abi: named functions, <c>boot</c> among them.</summary>
    Vmm = 1 << 1,

    /// <summary>The rig's functions (rig/ABI.md).</summary>
    Rig = 1 << 2,

    /// <summary>A kernel that is not made up: a process, system calls, /proc.</summary>
    RealKernel = 1 << 3,

    /// <summary>Frame numbers are visible.</summary>
    Frames = 1 << 4,

    /// <summary>Swap space, so that pages are swapped out with their content.</summary>
    Swap = 1 << 5,

    /// <summary>The kernel module, /dev/hypercall (kernel/).</summary>
    Module = 1 << 6,

    /// <summary>Pages can be made to move.</summary>
    Compaction = 1 << 7,

    /// <summary>Pages can be pinned.</summary>
    Pinning = 1 << 8,

    /// <summary>Memory of 2 MiB in one piece can be had.</summary>
    Contiguous = 1 << 9,

    /// <summary>A VMM that injects #PF, and a kernel that serves it.</summary>
    Injection = 1 << 10,

    /// <summary>A page can be made read-only.</summary>
    Protection = 1 << 11,

    /// <summary>The 32-bit program call32.</summary>
    Program32 = 1 << 12,

    /// <summary>The other vendor's instruction can be tried: under KVM, say, it would be patched.</summary>
    OtherInstruction = 1 << 13,

    /// <summary>The end of the machine: run only when asked for by name with --destroy.</summary>
    Destruction = 1 << 14,

    /// <summary>The calls go by the vendor's instruction, with BitVisor's registers: what the scenario puts into a frame.</summary>
    Instruction = 1 << 15,

    /// <summary>Somebody answers VMware's port.</summary>
    VmwarePort = 1 << 16,

    /// <summary>Xen's device, /dev/xen/privcmd.</summary>
    XenPrivcmd = 1 << 17,
}
