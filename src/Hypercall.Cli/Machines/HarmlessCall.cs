namespace Hypercall.Cli.Machines;

/// <summary>A call that changes nothing in a VMM, to see whether it answers.</summary>
/// <param name="Convention">The convention.</param>
/// <param name="Number">The number.</param>
/// <param name="Words">Its arguments.</param>
/// <param name="What">What it does.</param>
internal sealed record HarmlessCall(HypercallConvention Convention, ulong Number, ulong[] Words, string What)
{
    private static readonly HarmlessCall[] All =
    [
        // Linux, Documentation/virt/kvm/x86/hypercalls.rst
        new(HypercallConvention.Kvm, 1, [], "KVM_HC_VAPIC_POLL_IRQ, which does nothing"),
        new(HypercallConvention.Xen, 17, [0], "xen_version, command 0"), // Xen, xen/include/public/version.h
        new(HypercallConvention.HyperV, 8, [0, 0, 1], "HvCallNotifyLongSpinWait, fast"), // TLFS, "HvCallNotifyLongSpinWait"
        new(HypercallConvention.Vmware, 10, [], "GETVERSION"), // Linux, arch/x86/include/asm/vmware.h, VMWARE_CMD_GETVERSION
        new(HypercallConvention.VmwarePort, 10, [], "GETVERSION"),
    ];

    /// <summary>The call for an instruction of a CPU vendor's, or for the guest's kernel: that of the VMM that was
    /// found.</summary>
    /// <param name="findings">What was found.</param>
    /// <returns>Null where no VMM was found of which one is known: a look-up by name is what is left.</returns>
    public static HarmlessCall? By(IEnumerable<HypervisorFinding> findings) =>
        findings.Where(finding => finding.Kind == HypervisorFindingKind.SaysItself)
            .SelectMany(finding => finding.Vmm?.Conventions ?? [])
            .Where(convention => convention != HypercallConvention.VmwarePort) // that one is for IN
            .Select(convention => Array.Find(All, call => call.Convention == convention))
            .FirstOrDefault(call => call is not null);

    /// <summary>The call for VMware's port.</summary>
    public static HarmlessCall OfPort { get; } = Array.Find(All, call => call.Convention == HypercallConvention.VmwarePort)!;

    /// <summary>The command line, without the tool's name, that makes it and shows all of the answer.</summary>
    public string CommandLine => $"call --convention {Convention.Name.ToLowerInvariant()} --number {Number}"
        + $"{string.Concat(Words.Select(word => $" --arg {word}"))}";

    /// <summary><c>KVM 1 (KVM_HC_VAPIC_POLL_IRQ, which does nothing)</c>.</summary>
    public override string ToString() => $"{Convention} {Number} ({What})";
}
