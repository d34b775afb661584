namespace Hypercall;

/// <summary>
/// What the firmware's tables call the machine. A hint only: whoever configures a VM writes them, and a cloud has machines
/// without a VMM under the same name.
/// </summary>
internal static class FirmwareHints
{
    private const string Folder = "/sys/class/dmi/id/";
    private const string Source = "SMBIOS (DMTF DSP0134), type 1; systemd, src/basic/virt.c, dmi_vendor_table";

    // The product first: QEMU names itself as the vendor, and KVM as the product.
    private static readonly string[] Files = ["product_name", "sys_vendor", "board_vendor", "bios_vendor"];

    // How the text begins.
    private static readonly (string Text, string Name, KnownVmm? Vmm)[] Names =
    [
        ("KVM", "KVM", KnownVmm.Kvm),
        ("OpenStack", "KVM, in an OpenStack cloud", KnownVmm.Kvm),
        ("KubeVirt", "KVM, in KubeVirt", KnownVmm.Kvm),
        ("Amazon EC2", "a machine of Amazon EC2", null),
        ("Google Compute Engine", "a machine of Google's cloud", null),
        ("Virtual Machine", "Hyper-V", KnownVmm.HyperV),
        ("QEMU", "QEMU", null),
        ("Standard PC", "QEMU", null),
        ("VMware", "VMware", KnownVmm.Vmware),
        ("VMW", "VMware", KnownVmm.Vmware),
        ("innotek GmbH", "VirtualBox", KnownVmm.VirtualBox),
        ("VirtualBox", "VirtualBox", KnownVmm.VirtualBox),
        ("Xen", "Xen", KnownVmm.Xen),
        ("HVM domU", "Xen", KnownVmm.Xen),
        ("Bochs", "Bochs", null),
        ("Parallels", "Parallels", KnownVmm.Parallels),
        ("BHYVE", "bhyve", KnownVmm.Bhyve),
        ("Apple Virtualization", "Apple Virtualization", KnownVmm.AppleVz),
    ];

    public static IEnumerable<HypervisorFinding> In(IHypervisorSigns signs)
    {
        HashSet<string> told = [];
        foreach (string file in Files)
        {
            if (GuestFile.Line(signs, Folder + file) is { } text
                && Names.FirstOrDefault(one => text.StartsWith(one.Text, StringComparison.Ordinal))
                    is { Name: { } name, Vmm: var vmm }
                && told.Add(name))
            {
                yield return new HypervisorFinding(
                    name, HypervisorFindingKind.Hint, $"the firmware says so: {Folder}{file} is '{text}'", Source, vmm);
            }
        }
    }
}
