using static Hypercall.HypervisorFindingKind;

namespace Hypercall.Tests.Detection;

public class HypervisorDetectorTests
{
    private const uint First = 0x4000_0000;
    private const string Version = "/proc/version";
    private const string Release = "/proc/sys/kernel/osrelease";

    [Fact]
    public void A_bare_machine_has_no_findings() => Assert.Empty(HypervisorDetector.Detect(new MadeUpSigns()));

    [Theory]
    [InlineData("KVMKVMKVM", "KVM")]
    [InlineData("Linux KVM Hv", "KVM")]
    [InlineData("XenVMMXenVMM", "Xen")]
    [InlineData("Microsoft Hv", "Hyper-V")]
    [InlineData("VMwareVMware", "VMware")]
    [InlineData("ACRNACRNACRN", "ACRN")]
    [InlineData("TCGTCGTCGTCG", "QEMU (TCG)")]
    [InlineData("bhyve bhyve ", "bhyve")]
    [InlineData("VBoxVBoxVBox", "VirtualBox")]
    [InlineData("prl hyperv  ", "Parallels")]
    [InlineData(" lrpepyh  vr", "Parallels")]
    [InlineData("Jailhouse", "Jailhouse")]
    [InlineData("QNXQVMBSQG", "QNX Hypervisor")]
    [InlineData("Apple VZ", "Apple Virtualization")]
    [InlineData("SRESRESRESRE", "SRE")]
    [InlineData("HAXMHAXMHAXM", "HAXM")]
    [InlineData("___ NVMM ___", "NVMM")]
    [InlineData("OpenBSDVMM58", "OpenBSD vmm")]
    public void A_known_name_in_CPUID_is_that_VMM(string signature, string name)
    {
        HypervisorFinding found = Assert.Single(Detect(new TableCpuid().Has(First, signature, First + 1)));
        Assert.Equal((name, SaysItself, name), (found.Name, found.Kind, found.Vmm?.Name));
        Assert.StartsWith($"CPUID leaf 0x40000000 says '{signature.Trim()}'", found.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_languages_of_a_VMM_are_two_findings() => Assert.Equal(
        ["Hyper-V", "KVM"],
        Detect(new TableCpuid().Has(First, "Microsoft Hv", First + 10).Has(First + 0x100, "KVMKVMKVM", First + 0x101)).Select(found => found.Name));

    [Fact]
    public void An_unknown_name_is_told_as_it_is()
    {
        HypervisorFinding found = Assert.Single(Detect(new TableCpuid().Has(First, "MyOwnVMM", First)));
        Assert.Equal(("'MyOwnVMM'", SaysItself), (found.Name, found.Kind));
        Assert.Null(found.Vmm);
    }

    [Fact]
    public void The_hypervisor_bit_alone_is_a_VMM_without_a_name()
    {
        HypervisorFinding found = Assert.Single(Detect(new TableCpuid().Has(1, new CpuidResult(0, 0, 1u << 31, 0))));
        Assert.Equal(("a VMM without a name", SaysItself), (found.Name, found.Kind));
        Assert.Single(Detect(new TableCpuid().Has(1, new CpuidResult(0, 0, 1u << 31, 0)).Has(First, "KVMKVMKVM", First)));
    }

    [Theory]
    [InlineData(0x4000_0000u, 0u, "it has no leaf 0x40000010, so the port is the way")]
    [InlineData(0x4000_0010u, 0u, "leaf 0x40000010 says that it serves the port alone")]
    [InlineData(0x4000_0010u, 1u, "leaf 0x40000010 says that it serves VMMCALL")]
    [InlineData(0x4000_0010u, 2u, "leaf 0x40000010 says that it serves VMCALL")]
    [InlineData(0x4000_0010u, 3u, "leaf 0x40000010 says that it serves VMCALL and VMMCALL")]
    public void VMware_says_by_which_instruction_it_is_called(uint maxLeaf, uint ecx, string evidence) => Assert.EndsWith(
        $"'VMwareVMware'; {evidence}",
        Assert.Single(Detect(new TableCpuid().Has(First, "VMwareVMware", maxLeaf).Has(First + 0x10, new CpuidResult(0, 0, ecx, 0)))).Evidence,
        StringComparison.Ordinal);

    [Theory]
    [InlineData("NYX vCPU (PT)", true)]
    [InlineData("NYX vCPU (NO-PT)", true)]
    [InlineData("CPU @ 2.00GHz", false)]
    public void Nyx_is_in_the_brand(string end, bool isNyx)
    {
        TableCpuid cpuid = new TableCpuid().Has(0x8000_0000, new CpuidResult(0x8000_0008, 0, 0, 0))
            .Has(0x8000_0002, default).Has(0x8000_0003, default).Has(0x8000_0004, Brand(end));
        IReadOnlyList<HypervisorFinding> found = Detect(cpuid);
        Assert.Equal(isNyx ? [$"Nyx: CPUID leaf 0x80000004 says '{end}'"] : (string[])[], found.Select(one => one.ToString()));
    }

    [Fact]
    public void Xen_under_PV_answers_CPUID_behind_its_prefix()
    {
        MadeUpSigns signs = new() { Forced = new TableCpuid().Has(First, "XenVMMXenVMM", First + 5) };
        HypervisorFinding found = Assert.Single(HypervisorDetector.Detect(signs));
        Assert.Equal(("Xen", SaysItself), (found.Name, found.Kind));
        Assert.Contains("behind its prefix", found.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void Who_answers_CPUID_behind_Xen_s_prefix_in_another_name_is_not_Xen() =>
        Assert.Empty(HypervisorDetector.Detect(new MadeUpSigns { Forced = new TableCpuid().Has(First, "KVMKVMKVM", First + 1) }));

    [Fact]
    public void Xen_that_names_itself_is_not_asked_behind_its_prefix()
    {
        IHypervisorSigns signs = NSubstitute.Substitute.For<IHypervisorSigns>();
        ICpuid cpuid = new TableCpuid().Has(First, "XenVMMXenVMM", First + 5);
        NSubstitute.SubstituteExtensions.Returns(signs.Cpuid, cpuid);
        Assert.Single(HypervisorDetector.Detect(signs));
        _ = NSubstitute.SubstituteExtensions.DidNotReceive(signs).TryGetForcedCpuid();
    }

    [Fact]
    public void The_kernel_s_word_for_Xen_counts()
    {
        HypervisorFinding found = Assert.Single(With(("/sys/hypervisor/type", "xen\n"), ("/sys/hypervisor/uuid", "00000000-0000-0000-0000-000000000000\n")));
        Assert.Equal(("Xen", SaysItself), (found.Name, found.Kind));
        Assert.Contains("/sys/hypervisor/uuid '00000000-0000-0000-0000-000000000000'", found.Evidence, StringComparison.Ordinal);
        Assert.Equal("'other'", Assert.Single(With(("/sys/hypervisor/type", "other\n"))).Name);
    }

    [Theory]
    [InlineData("Linux version 4.19.0-gvisor #1 SMP Sun Jan 10 15:06:54 PST 2016\n", SaysItself)]
    [InlineData("Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016\n", Hint)]
    public void GVisor_is_in_the_kernel_s_version(string version, HypervisorFindingKind kind)
    {
        HypervisorFinding found = Assert.Single(With((Version, version)));
        Assert.Equal(("gVisor", kind), (found.Name, found.Kind));
    }

    [Fact]
    public void A_Linux_is_no_gVisor_and_no_WSL() => Assert.Empty(With(
        (Version, "Linux version 4.4.0-21-generic (buildd@lgw01) #37-Ubuntu SMP Mon Apr 18 18:33:37 UTC 2016\n"),
        (Release, "6.1.0-18-cloud-amd64\n")));

    [Theory]
    [InlineData("5.15.167.4-microsoft-standard-WSL2\n", "WSL2, on Hyper-V", true)]
    [InlineData("4.4.0-19041-Microsoft\n", "WSL", false)]
    public void WSL_is_in_the_kernel_s_release(string release, string name, bool isHyperV)
    {
        HypervisorFinding found = Assert.Single(With((Release, release)));
        Assert.Equal((name, Hint, isHyperV), (found.Name, found.Kind, found.Vmm is not null));
    }

    [Fact]
    public void QEMU_for_one_program_shows_another_CPU_than_the_kernel_does()
    {
        const string Kernel = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC 7B13\nflags\t\t: fpu\n";
        TableCpuid tcg = new TableCpuid().Has(First, "TCGTCGTCGTCG", First + 1);
        IReadOnlyList<HypervisorFinding> found = HypervisorDetector.Detect(new MadeUpSigns { Cpuid = tcg, Files = new() { ["/proc/cpuinfo"] = Kernel } });
        Assert.Equal([("QEMU (TCG)", SaysItself), ("QEMU for one program (qemu-x86_64)", Hint)], found.Select(one => (one.Name, one.Kind)));
        Assert.Contains("'AMD EPYC 7B13'", found[1].Evidence, StringComparison.Ordinal);

        Assert.Equal(
            "an emulator of this program's CPU",
            Assert.Single(HypervisorDetector.Detect(new MadeUpSigns { Files = new() { ["/proc/cpuinfo"] = Kernel } })).Name);
    }

    [Theory]
    [InlineData("vendor_id\t: GenuineIntel\nmodel name\t: anything, for CPUID has no brand\nflags\t: fpu\n")]
    [InlineData("")]
    [InlineData("flags\t: fpu\n")]
    public void The_same_CPU_in_CPUID_and_in_the_kernel_is_no_finding(string cpuinfo) => Assert.Empty(With(("/proc/cpuinfo", cpuinfo)));

    [Fact]
    public void A_kernel_that_knows_no_model_says_nothing_of_an_emulator() // gVisor's, always
    {
        const string Kernel = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: unknown\nflags\t\t: fpu\n";
        Assert.Empty(With(("/proc/cpuinfo", Kernel)));
    }

    [Fact]
    public void A_kernel_that_knows_no_x86_runs_an_emulator() =>
        Assert.Equal(Hint, Assert.Single(With(("/proc/cpuinfo", "processor\t: 0\nBogoMIPS\t: 48.00\nCPU implementer\t: 0x41\n"))).Kind);

    [Fact]
    public void TDX_is_in_its_leaf()
    {
        // EBX, EDX, ECX: "Inte", "lTDX", "    "
        TableCpuid cpuid = new TableCpuid().Has(0, "GenuntelineI", 0x21).Has(0x21, "Inte    lTDX", 0);
        HypervisorFinding found = Assert.Single(Detect(cpuid));
        Assert.Equal(("Intel TDX", SaysItself), (found.Name, found.Kind));
        Assert.Empty(Detect(new TableCpuid().Has(0x21, "Inte    lTDX", 0))); // a CPU with fewer leaves
    }

    [Fact]
    public void SEV_SNP_is_the_guest_kernel_s_word() =>
        Assert.Equal(("AMD SEV-SNP", SaysItself), Assert.Single(With(("/dev/sev-guest", "")).Select(found => (found.Name, found.Kind))));

    [Theory]
    [InlineData(2u, "AMD SEV-SNP")]
    [InlineData(3u, "Intel TDX")]
    [InlineData(1u, null)] // VBS: the VMM sees registers and memory
    public void Hyper_V_says_what_isolates_a_guest(uint type, string? name)
    {
        TableCpuid cpuid = new TableCpuid().Has(First, "Microsoft Hv", First + 0xC)
            .Has(First + 3, new CpuidResult(0, 1u << 22, 0, 0)).Has(First + 0xC, new CpuidResult(0, type, 0, 0));
        Assert.Equal(name is null ? ["Hyper-V"] : (string[])["Hyper-V", name], Detect(cpuid).Select(found => found.Name));
    }

    [Fact]
    public void Whether_a_guest_uses_SEV_user_mode_cannot_tell()
    {
        TableCpuid cpuid = new TableCpuid().Has(0x8000_0000, new CpuidResult(0x8000_001F, 0, 0, 0)).Has(0x8000_001F, new CpuidResult(2, 0, 0, 0));
        Assert.DoesNotContain(Detect(cpuid), found => found.Kind == CannotTell); // no VMM shows itself: it is the machine's own SEV
        HypervisorFinding told = Assert.Single(Detect(cpuid.Has(First, "KVMKVMKVM", First)), found => found.Kind == CannotTell);
        Assert.Contains("which user mode cannot read", told.Evidence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("product_name", "KVM\n", "KVM")]
    [InlineData("sys_vendor", "QEMU\n", "QEMU")]
    [InlineData("product_name", "VMware Virtual Platform\n", "VMware")]
    [InlineData("product_name", "VirtualBox\n", "VirtualBox")]
    [InlineData("product_name", "HVM domU\n", "Xen")]
    [InlineData("product_name", "Virtual Machine\n", "Hyper-V")]
    [InlineData("sys_vendor", "Amazon EC2\n", "a machine of Amazon EC2")]
    [InlineData("bios_vendor", "BHYVE\n", "bhyve")]
    public void The_firmware_s_tables_are_a_hint(string file, string text, string name)
    {
        HypervisorFinding found = Assert.Single(With(("/sys/class/dmi/id/" + file, text)));
        Assert.Equal((name, Hint), (found.Name, found.Kind));
        Assert.StartsWith($"{name}, a hint: the firmware says so", found.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_hint_is_given_once_and_a_machine_of_metal_gives_none()
    {
        Assert.Single(With(("/sys/class/dmi/id/product_name", "VirtualBox\n"), ("/sys/class/dmi/id/sys_vendor", "innotek GmbH\n")));
        Assert.Empty(With(("/sys/class/dmi/id/product_name", "PowerEdge R7525\n"), ("/sys/class/dmi/id/sys_vendor", "Dell Inc.\n")));
    }

    [Fact]
    public void A_machine_that_shows_nothing_but_CPUID_is_asked_for_that()
    {
        IHypercallMachine machine = new CpuOnly(new TableCpuid().Has(First, "KVMKVMKVM", First));
        Assert.Equal("KVM", Assert.Single(HypervisorDetector.Detect(machine.Signs)).Name);
        Assert.Null(machine.Signs.TryReadFile(Version));
        Assert.False(machine.Signs.FileExists(Version));
        Assert.Null(machine.Signs.TryGetForcedCpuid());
        Assert.Contains("does not bind calls to a CPU", Assert.Throws<NotSupportedException>(() => machine.OnCpu(0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_machine_with_another_channel_shows_the_same()
    {
        Hypercall.Testing.FakeMachine fake = new();
        IHypercallMachine other = fake.WithChannel(fake.Channel);
        Assert.Same(fake.Signs, other.Signs);
        Assert.Same(fake.Providers, other.Providers);
    }

    private static CpuidResult Brand(string text)
    {
        byte[] bytes = System.Text.Encoding.Latin1.GetBytes(text.PadRight(16, '\0'));
        return new CpuidResult(BitConverter.ToUInt32(bytes, 0), BitConverter.ToUInt32(bytes, 4), BitConverter.ToUInt32(bytes, 8), BitConverter.ToUInt32(bytes, 12));
    }

    private static IReadOnlyList<HypervisorFinding> Detect(TableCpuid cpuid) => HypervisorDetector.Detect(new MadeUpSigns { Cpuid = cpuid });

    private static IReadOnlyList<HypervisorFinding> With(params (string Path, string Text)[] files) =>
        HypervisorDetector.Detect(new MadeUpSigns { Files = files.ToDictionary(file => file.Path, file => file.Text) });

    private sealed class CpuOnly(ICpuid cpuid) : IHypercallMachine
    {
        public ICpuid Cpuid => cpuid;

        public HypercallTarget Target => throw new InvalidOperationException();

        public IHypercallChannel Channel => throw new InvalidOperationException();

        public IGuestMemory Memory => throw new InvalidOperationException();
    }
}
