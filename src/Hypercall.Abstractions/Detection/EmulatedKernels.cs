namespace Hypercall;

/// <summary>What stands between a program and the CPU, and is no VMM of the machine: gVisor, WSL, QEMU for one program.</summary>
internal static class EmulatedKernels
{
    // google/gvisor: the build of Linux that it says to be, in every release; newer ones say "gvisor" in the release, too.
    private const string GvisorBuild = "#1 SMP Sun Jan 10 15:06:54 PST 2016";
    private const string GvisorSource = "google/gvisor, pkg/sentry/syscalls/linux/linux64.go, LinuxVersion; issue 54";

    // What a kernel writes that knows no model, gVisor's always: Linux, arch/x86/kernel/cpu/proc.c, show_cpuinfo.
    private const string NoModel = "unknown";

    public static IEnumerable<HypervisorFinding> In(IHypervisorSigns signs, CpuIdentity cpu, IReadOnlyList<CpuidSignature> names)
    {
        List<HypervisorFinding> found = [];
        if (GuestFile.Line(signs, "/proc/version") is { } version)
        {
            bool saysItself = version.Contains("gvisor", StringComparison.OrdinalIgnoreCase);
            if (saysItself || version.Contains(GvisorBuild, StringComparison.Ordinal))
            {
                found.Add(new HypervisorFinding(
                    "gVisor",
                    saysItself ? HypervisorFindingKind.SaysItself : HypervisorFindingKind.Hint,
                    $"/proc/version is '{version}': a kernel in user space stands between this program and the machine's own",
                    GvisorSource));
            }
        }

        if (GuestFile.Line(signs, "/proc/sys/kernel/osrelease") is { } release
            && (release.Contains("microsoft", StringComparison.OrdinalIgnoreCase)
                || release.Contains("WSL", StringComparison.Ordinal)))
        {
            bool isVm = release.Contains("WSL2", StringComparison.OrdinalIgnoreCase);
            found.Add(new HypervisorFinding(
                isVm ? "WSL2, on Hyper-V" : "WSL",
                HypervisorFindingKind.Hint,
                $"/proc/sys/kernel/osrelease is '{release}'",
                "systemd, src/basic/virt.c, detect_container; microsoft/WSL issue 423",
                isVm ? KnownVmm.HyperV : null));
        }

        if (ForOneProgram(signs, cpu, names) is { } emulator)
        {
            found.Add(emulator);
        }

        return found;
    }

    // The kernel reads CPUID itself. QEMU for one program emulates it, and leaves /proc/cpuinfo as it is.
    private static HypervisorFinding? ForOneProgram(IHypervisorSigns signs, CpuIdentity cpu, IReadOnlyList<CpuidSignature> names)
    {
        if (signs.TryReadFile("/proc/cpuinfo") is not { Length: > 0 } text)
        {
            return null;
        }

        (string Vendor, string Model) kernels =
            (GuestFile.Field(text, "vendor_id") ?? "", GuestFile.Field(text, "model name") ?? "");
        if (kernels.Model == NoModel)
        {
            kernels.Model = "";
        }

        bool isOther = kernels.Vendor.Length == 0
            ? !text.Contains("flags", StringComparison.Ordinal) // no x86 at all
            : kernels.Vendor != cpu.Vendor.Trim()
                || (cpu.Brand.Length != 0 && kernels.Model.Length != 0 && kernels.Model != cpu.Brand);
        if (!isOther)
        {
            return null;
        }

        bool isQemu = names.Any(name => KnownVmm.BySignature(name.Text) == KnownVmm.QemuTcg)
            || cpu.Brand.StartsWith("QEMU", StringComparison.Ordinal);
        return new HypervisorFinding(
            isQemu ? "QEMU for one program (qemu-x86_64)" : "an emulator of this program's CPU",
            HypervisorFindingKind.Hint,
            $"CPUID says vendor '{cpu.Vendor}', brand '{cpu.Brand}', "
                + $"and the kernel in /proc/cpuinfo '{kernels.Vendor}', '{kernels.Model}'",
            "docker/for-mac issue 5245; pytorch/cpuinfo pull request 349",
            isQemu ? KnownVmm.QemuTcg : null);
    }
}
