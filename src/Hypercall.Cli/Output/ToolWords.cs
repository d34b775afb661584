using System.Text.RegularExpressions;

namespace Hypercall.Cli.Output;

/// <summary>
/// Turns the library's advice, which speaks to who writes C#, into the tool's: its options, and no member of a class.
/// </summary>
internal static partial class ToolWords
{
    private static readonly (Regex InCode, string InTool)[] Words =
    [
        (MemoryFallback(), "--allow-fallback"),
        (Corruption(), "--accept-memory-corruption-if-pages-move"),
        (Scattered(), "--passing list"),
        (Contiguous(), "--passing contiguous"),
        (PageByPage(), "--passing pages"),
        (FrameList(), "--passing list"),
        (Virtual(), "--passing gva"),
        (Auto(), "--passing auto"),
        (NamedProvider(), "force it: --instruction vmcall|vmmcall, or --channel NAME"),
        (OtherInstruction(), "--instruction vmcall|vmmcall"),
        (Binding(), "The real machine does, on Linux, and the fake one."),
        (Permission(), "--channel port,permission"),
        (Unbound(), "Leave --each-cpu out"),
        (OtherCpu(), "'hypercall detect --try --each-cpu' asks each of them."),
        (Fake(), "--vmm fake"),
        (Conventions(), "'hypercall call --convention NAME'"),
        (Presence(), "'hypercall detect --try'"),
        (FromMemory(), "by 'hypercall send'"),
        (AnyMemory(), "'hypercall send'"),
        (Aside(), ""),
    ];

    /// <summary>A message in the tool's words.</summary>
    public static string Of(string message)
    {
        message = Held().Replace(message, held => "--residency " + held.Groups[1].Value.ToLowerInvariant());
        message = Pinning().Replace(message, pinning => "--pinning " + pinning.Groups[1].Value switch { "RamFs" => "ramfs", "IoUring" => "io_uring", _ => "auto" });
        foreach ((Regex code, string tool) in Words)
        {
            message = code.Replace(message, tool);
        }

        return message;
    }

    [GeneratedRegex(@"\bResidency\.(\w+)")]
    private static partial Regex Held();

    [GeneratedRegex(@"\bPinningMechanism\.(RamFs|IoUring|Best)\b")]
    private static partial Regex Pinning();

    [GeneratedRegex(@"\b(GuestBufferOptions\.)?AllowFallback\b")]
    private static partial Regex MemoryFallback();

    [GeneratedRegex(@"\b(TransferOptions\.)?[Aa]cceptMemoryCorruptionIfPagesMove(: true)?")]
    private static partial Regex Corruption();

    [GeneratedRegex(@"\bContiguity\.Any\b")]
    private static partial Regex Scattered();

    [GeneratedRegex(@"\b(Contiguity|Passing)\.Contiguous\b")]
    private static partial Regex Contiguous();

    [GeneratedRegex(@"\bPassing\.PageByPage\b")]
    private static partial Regex PageByPage();

    [GeneratedRegex(@"\bPassing\.FrameList\b")]
    private static partial Regex FrameList();

    [GeneratedRegex(@"\bPassing\.Virtual\b")]
    private static partial Regex Virtual();

    [GeneratedRegex(@"\bPassing\.Auto\b")]
    private static partial Regex Auto();

    [GeneratedRegex(@"\bname the provider in HypercallOptions\.Provider\b")]
    private static partial Regex NamedProvider();

    [GeneratedRegex(@"\bHypercallOptions\.(TryOtherInstruction|Provider)\b")]
    private static partial Regex OtherInstruction();

    [GeneratedRegex(@"\bA NativeMachine does \(on Linux\), and a FakeMachine\.")]
    private static partial Regex Binding();

    [GeneratedRegex(@"\bOnCpu\(n\) asks another one\.")]
    private static partial Regex OtherCpu();

    [GeneratedRegex(@"\bwithPermission: true")]
    private static partial Regex Permission();

    [GeneratedRegex(@"\bMake the call without OnCpu\b")]
    private static partial Regex Unbound();

    [GeneratedRegex(@"\bAddFakeMachine\b(\(\))?")]
    private static partial Regex Fake();

    [GeneratedRegex(@"\bHypercallConvention\b")]
    private static partial Regex Conventions();

    [GeneratedRegex(@"\bBitVisorClient\.DetectPresence\b")]
    private static partial Regex Presence();

    [GeneratedRegex(@"\bfrom IGuestMemory\b")]
    private static partial Regex FromMemory();

    [GeneratedRegex(@"\bIGuestMemory\b")]
    private static partial Regex AnyMemory();

    // What only names the member that a program would use: (GuestBuffer.Touch), (FakeGuestMemory.CanPin is false), "; here
    // FakeGuestMemory.LockLimit".
    [GeneratedRegex(@"; here FakeGuestMemory\.\w+| \((BitVisorClient|FakeGuestMemory|GuestBuffer)\.\w+( is false)?\)| \(GuestBuffer, GuestBufferLease\)| \(or set CanPin or LockLimit\)")]
    private static partial Regex Aside();
}
