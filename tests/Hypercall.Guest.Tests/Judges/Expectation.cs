namespace Hypercall.Guest.Tests.Judges;

/// <summary>What a person sees under a judge: of whom CPUID tells, who answers by name, what one call comes to.</summary>
/// <param name="Machine"><c>amd</c> or <c>intel</c>.</param>
/// <param name="Judge">A name of <c>rig/boot --under</c>.</param>
/// <param name="Signature">What <c>hypercall detect --try</c> finds at CPUID leaf 0x40000000.</param>
/// <param name="ByName">What it says of functions by name.</param>
/// <param name="Call">One call at the prompt.</param>
/// <param name="Answer">What that prints.</param>
/// <param name="ExitCode">What it ends with.</param>
internal sealed record Expectation(string Machine, string Judge, string Signature, string ByName, string Call, string Answer, int ExitCode)
{
    private const string Raw = "hypercall raw --rax 999";
    private const string Faulted = "no, the instruction faulted";
    private const string Elsewhere = "no, a VMM answers in another ABI";
    private const string MinusOne = "0xffffffffffffffff"; // EPERM: a refusal of user mode
    private const int Fault = 3; // of hypercall: the instruction raised a CPU fault

    /// <summary>Every machine under every judge that it can have.</summary>
    public static IReadOnlyList<Expectation> All { get; } =
    [
        new("amd", "rig", "TCGTCGTCGTCG", "yes", "hypercall call add --rbx 40 --rcx 2", "0x2a", 0),
        new("amd", "none", "TCGTCGTCGTCG", Faulted, Raw, "#UD", Fault),
        new("amd", "kvm", "KVMKVMKVM", Elsewhere, Raw, MinusOne, 0),
        new("amd", "kvm-hyperv", "Microsoft Hv", Elsewhere, Raw, MinusOne, 0),
        new("amd", "xen-dom0", "TCGTCGTCGTCG", Faulted, "hypercall raw --channel privcmd --rax 17", "0x40011", 0), // CPUID of a paravirtual guest is the machine's own
        new("amd", "xen-pvh", "XenVMMXenVMM", Elsewhere, Raw, MinusOne, 0),
        new("amd", "vmware-port", "TCGTCGTCGTCG", Faulted, "hypercall raw --channel port,permission --rax 0x564d5868 --rcx 10", "0x564d5868", 0),
        new("intel", "rig", "none", "yes", "hypercall call add --rbx 40 --rcx 2", "0x2a", 0),
        new("intel", "none", "none", Faulted, Raw, "#UD", Fault),
        new("intel", "kvm", "KVMKVMKVM", Elsewhere, Raw, MinusOne, 0),
    ];

    /// <summary>Those with something under the guest that is not of this repository.</summary>
    public static IReadOnlyList<Expectation> Foreign { get; } = [.. All.Where(expected => expected.Judge is not ("rig" or "none"))];

    public override string ToString() => $"{Machine} {Judge}";
}
