namespace Hypercall.Guest.Tests.Rig;

/// <summary>One boot of a guest: on what, under what, to do what, and for how long.</summary>
/// <param name="Name">What its log is called, and what it is called in messages.</param>
/// <param name="Machine"><c>amd</c> (QEMU) or <c>intel</c> (Bochs).</param>
/// <param name="HasVmm">Whether the rig's VMM is under it.</param>
/// <param name="Words">More words for the kernel's command line.</param>
/// <param name="Limit">When the machine is ended whatever it does.</param>
/// <param name="Silence">How long it may say nothing before it counts as hanging.</param>
internal sealed record GuestRequest(string Name, string Machine, bool HasVmm, string Words, TimeSpan Limit, TimeSpan Silence)
{
    // A busy machine boots several times slower than an idle one; a limit is there for what never ends.
    private static readonly TimeSpan AmdLimit = TimeSpan.FromMinutes(8);
    private static readonly TimeSpan AmdSilence = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan IntelLimit = TimeSpan.FromMinutes(22);
    private static readonly TimeSpan IntelSilence = TimeSpan.FromMinutes(6);

    /// <summary>The whole suite under AMD SVM.</summary>
    public static GuestRequest Amd { get; } = OnAmd(
        "amd", hasVmm: true, "rig.swap=64M rig.run=conformance,--scale,100,--required,/etc/conformance/required-amd.txt");

    /// <summary>The whole suite under Intel VMX, with less of what is repeated: Bochs is slow.</summary>
    public static GuestRequest Intel { get; } = OnIntel(
        "intel", hasVmm: true, "rig.swap=64M rig.run=conformance,--scale,3,--limit,300,--required,/etc/conformance/required-intel.txt");

    /// <summary>No VMM under an AMD CPU.</summary>
    public static GuestRequest AmdWithoutVmm { get; } = OnAmd(
        "amd-no-vmm", hasVmm: false, "rig.swap=64M rig.run=conformance,--scale,100,--required,/etc/conformance/required-no-vmm.txt");

    /// <summary>No VMM under an Intel CPU.</summary>
    public static GuestRequest IntelWithoutVmm { get; } = OnIntel(
        "intel-no-vmm", hasVmm: false, "rig.swap=64M rig.run=conformance,--scale,3,--limit,300,--required,/etc/conformance/required-no-vmm.txt");

    /// <summary>A write to the VMM's memory, which is the end of the machine.</summary>
    public static GuestRequest AmdPanic { get; } = OnAmd("amd-panic", hasVmm: true, "rig.run=conformance,--destroy,--filter,panics");

    private static GuestRequest OnAmd(string name, bool hasVmm, string words) => new(name, "amd", hasVmm, words, AmdLimit, AmdSilence);

    private static GuestRequest OnIntel(string name, bool hasVmm, string words) => new(name, "intel", hasVmm, words, IntelLimit, IntelSilence);
}
