namespace Hypercall.Guest.Tests.Rig;

/// <summary>What the rig needs of this machine.</summary>
internal static class Emulators
{
    private const string Switch = "HYPERCALL_GUESTS";
    private const string JudgesSwitch = "HYPERCALL_JUDGES";

    // The program, and the Debian package that has it.
    private static readonly (string Program, string Package)[] ForAll =
    [
        ("setpriv", "util-linux"), ("setsid", "util-linux"), ("flock", "util-linux"), ("make", "make"), ("gcc", "gcc"), ("gcc-12", "gcc-12"), ("clang", "clang"),
        ("ld.lld", "lld"), ("ld", "binutils"), ("cpio", "cpio"), ("gzip", "gzip"), ("dpkg-deb", "dpkg"), ("xz", "xz-utils"), ("readelf", "binutils"), ("objcopy", "binutils"), ("dotnet", "dotnet-sdk-10.0"),
    ];

    private static readonly (string Program, string Package)[] ForAmd = [("qemu-system-x86_64", "qemu-system-x86")];

    private static readonly (string Program, string Package)[] ForIntel =
    [
        ("bochs-bin", "bochs"), ("grub-mkrescue", "grub-common"), ("xorriso", "xorriso"), ("mformat", "mtools"), ("script", "bsdutils"),
    ];

    // Where Debian puts what is no program.
    private static readonly (string File, string Package)[] FilesForIntel =
    [
        ("/usr/share/bochs/BIOS-bochs-latest", "bochsbios"), ("/usr/share/bochs/VGABIOS-lgpl-latest", "vgabios"), ("/usr/lib/grub/i386-pc/multiboot.mod", "grub-pc-bin"),
    ];

    /// <summary>Why guests of a kind cannot run here; null when they can.</summary>
    /// <param name="machine"><c>amd</c> or <c>intel</c>.</param>
    /// <param name="judge">What is to lie under it.</param>
    public static string? WhyNot(string machine, string judge = "rig")
    {
        string? judges = Environment.GetEnvironmentVariable(JudgesSwitch);
        if (judge is not ("rig" or "none") && !string.IsNullOrEmpty(judges) && judges != "all" && !judges.Split(',').Contains(judge))
        {
            return $"{JudgesSwitch}={judges}: no guest is booted under {judge} (./test --judges).";
        }

        string? chosen = Environment.GetEnvironmentVariable(Switch);
        if (!string.IsNullOrEmpty(chosen) && !chosen.Split(',').Contains(machine))
        {
            return $"{Switch}={chosen}: no {machine} guest is booted (./test --without-guests sets it to none).";
        }

        if (!OperatingSystem.IsLinux() || System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture != System.Runtime.InteropServices.Architecture.X64)
        {
            return "The rig builds its guests on x86-64 Linux only.";
        }

        string[] missing =
        [
            .. ForAll.Concat(machine == "amd" ? ForAmd : ForIntel).Where(need => !IsOnPath(need.Program)).Select(need => $"{need.Program} ({need.Package})"),
            .. (machine == "intel" ? FilesForIntel : []).Where(need => !File.Exists(need.File)).Select(need => $"{need.File} ({need.Package})"),
        ];
        return missing.Length == 0 ? null : $"Guests cannot run here: missing {string.Join(", ", missing)}. ./test, as root on Debian, installs it.";
    }

    private static bool IsOnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Any(folder => File.Exists(Path.Combine(folder, program)));
}
