using Hypercall.Guest.Tests.Judges;

namespace Hypercall.Guest.Tests.Rig;

/// <summary>One boot of a guest: on what, under what, to do what, and for how long.</summary>
/// <param name="Name">What its log is called, and what it is called in messages.</param>
/// <param name="Machine"><c>amd</c> (QEMU) or <c>intel</c> (Bochs).</param>
/// <param name="Judge">What lies under it: a name of <c>rig/boot --under</c>.</param>
/// <param name="Words">More words for the kernel's command line.</param>
/// <param name="Limit">When the machine is ended whatever it does.</param>
/// <param name="Silence">How long it may say nothing before it counts as hanging.</param>
/// <param name="Visit">What a person does at its prompt, when its programs have run; null for a guest without a prompt.</param>
internal sealed record GuestRequest(
    string Name, string Machine, string Judge, string Words, TimeSpan Limit, TimeSpan Silence, Expectation? Visit = null)
{
    /// <summary>The other ways to the functions of the rig's VMM, by the names of <c>conformance --way</c>.</summary>
    /// <param name="machine"><c>amd</c> or <c>intel</c>, which is slow.</param>
    public static IReadOnlyList<string> Ways(string machine) => machine == "amd" ? ["cpuid", "port", "port-out", "module"] : ["cpuid", "port"];

    /// <summary>
    /// Parts of the names of the scenarios that run by them; of transfers on Intel every technique, with small layouts.
    /// </summary>
    /// <param name="machine"><c>amd</c> or <c>intel</c>.</param>
    public static IReadOnlyList<string> WayGroups(string machine) =>
        machine == "amd" ? ["registers:", "transfer:", "residency:", "status:", "shell:"] : ["registers:", "layouts", "status:", "shell:"];

    // A busy machine boots several times slower than an idle one; a limit is there for what never ends.
    private static readonly TimeSpan AmdLimit = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan AmdSilence = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan IntelLimit = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan IntelSilence = TimeSpan.FromMinutes(6);

    /// <summary>A kernel of the image, for a guest that does not have its judge's.</summary>
    public string? Kernel { get; init; }

    /// <summary>
    /// The kernel module: everything that rig/guest/module-test knows of it under the rig's VMM. The lockdown comes last: nothing ends it.
    /// </summary>
    public static GuestRequest AmdModule { get; } = On("amd", "rig", "amd-module", ModuleWords(frames: 100_000, operations: 1_000_000, loads: 100)) with
    {
        Limit = TimeSpan.FromMinutes(30),
    };

    /// <summary>The same with less of what is repeated, in the newer kernel.</summary>
    public static GuestRequest AmdModuleNewer { get; } = On("amd", "rig", "amd-module-6.12", ModuleWords(frames: 10_000, operations: 100_000, loads: 20)) with
    {
        Kernel = "vmlinuz-6.12",
    };

    /// <summary>The whole suite under AMD SVM.</summary>
    public static GuestRequest Amd { get; } = Visited(
        "amd", "rig", "amd", $"rig.swap=64M rig.run=conformance,--scale,100,--required,/etc/conformance/required-amd.txt {OtherWays("amd", 20)}");

    /// <summary>The whole suite under Intel VMX, with less of what is repeated: Bochs is slow.</summary>
    public static GuestRequest Intel { get; } = Visited(
        "intel", "rig", "intel", $"rig.swap=64M rig.run=conformance,--scale,3,--limit,300,--required,/etc/conformance/required-intel.txt {OtherWays("intel", 3)} {Part("frames", 1000)}");

    /// <summary>No VMM under an AMD CPU.</summary>
    public static GuestRequest AmdWithoutVmm { get; } = Visited(
        "amd", "none", "amd-no-vmm", $"rig.swap=64M rig.run=conformance,--scale,100,--required,/etc/conformance/required-no-vmm.txt {Part("no-vmm", 10_000)}");

    /// <summary>No VMM under an Intel CPU.</summary>
    public static GuestRequest IntelWithoutVmm { get; } = Visited(
        "intel", "none", "intel-no-vmm", $"rig.swap=64M rig.run=conformance,--scale,3,--limit,300,--required,/etc/conformance/required-no-vmm.txt {Part("no-vmm", 1000)}");

    /// <summary>A write to the VMM's memory, which is the end of the machine.</summary>
    public static GuestRequest AmdPanic { get; } = On("amd", "rig", "amd-panic", "rig.run=conformance,--destroy,--filter,panics");

    /// <summary>
    /// The tool and the runner under hypervisors that nobody here wrote; what they are to say is in
    /// <see cref="Expectation"/>.
    /// </summary>
    public static IReadOnlyList<GuestRequest> Judged { get; } =
    [
        .. Expectation.Foreign.Select(expected => Visited(
            expected.Machine,
            expected.Judge,
            $"{expected.Machine}-{expected.Judge}",
            $"rig.swap=64M rig.run=hypercall,detect,--try rig.run=conformance,--scale,3,--limit,300{(expected.Judge == "kvm" ? $" {Part("kvm")}" : "")}")),
    ];

    /// <summary>Every machine under every judge, once, the longest first: its programs run, and then somebody has a prompt.</summary>
    public static IReadOnlyList<GuestRequest> AllVisited { get; } =
        [Intel, Amd, IntelWithoutVmm, .. Judged.OrderByDescending(one => one.Machine, StringComparer.Ordinal), AmdWithoutVmm];

    /// <summary>A boot with the usual limits.</summary>
    /// <param name="machine"><c>amd</c> or <c>intel</c>.</param>
    /// <param name="judge">What lies under it.</param>
    /// <param name="name">What its log is called.</param>
    /// <param name="words">More words for the kernel's command line.</param>
    public static GuestRequest On(string machine, string judge, string name, string words) => machine == "amd"
        ? new GuestRequest(name, machine, judge, words, AmdLimit, AmdSilence)
        : new GuestRequest(name, machine, judge, words, IntelLimit, IntelSilence);

    private static string Part(string name, int count = 0) => $"rig.run=module-test,{name}{(count == 0 ? "" : $",{count}")}";

    private static string ModuleWords(int frames, int operations, int loads) => string.Join(
        ' ', Part("rights"), Part("list"), Part("frames", frames), Part("kept"), Part("loads", loads), Part("stress", operations), Part("lockdown"));

    // rig/ABI.md, "Ways".
    private static string OtherWays(string machine, int scale)
    {
        string filters = string.Concat(WayGroups(machine).Select(group => $",--filter,{group}"));
        return string.Join(' ', Ways(machine).Select(way => $"rig.run=conformance,--way,{way},--scale,{scale},--limit,300{filters}"));
    }

    private static GuestRequest Visited(string machine, string judge, string name, string words) =>
        On(machine, judge, name, $"{words} rig.prompt=yes") with
        {
            Visit = Expectation.All.Single(expected => expected.Machine == machine && expected.Judge == judge),
        };
}
