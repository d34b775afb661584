using System.Globalization;
using Hypercall.BitVisor;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Machines;
using Hypercall.Cli.Output;

namespace Hypercall.Cli.Commands;

/// <summary>What is here: the CPU, the instruction for it, and who answers.</summary>
internal sealed class DetectCommand() : CliCommand(
    "detect",
    "Say which CPU this is, which instruction leaves the guest, and who answers.")
{
    public override string Remarks =>
        "Looks up one name or two, and calls no function. Ends with 0 whoever answers, or nobody; with 5 or 6 when the question cannot be asked here.";

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples { get; } =
    [
        ("hypercall detect", "this machine"),
        ("hypercall detect --json | jq -r .instruction", "VMCALL or VMMCALL, for a script"),
        ("hypercall detect --instruction vmcall", "what the other instruction would do here"),
        ("hypercall detect --fake kvm", "what it says under a VMM of another ABI"),
    ];

    protected override ValueTask<ExitCode> RunAsync(Invocation invocation)
    {
        using VmmSession session = invocation.OpenSession();
        CpuIdentity cpu = session.Cpu;
        HypercallTarget? target = null;
        VmmPresenceResult? presence = null;
        Exception? problem = null;
        try
        {
            target = session.Target;
            presence = session.Vmm.DetectPresence();
        }
        catch (Exception e) when (ExitCodes.For(e) is ExitCode.Unsupported or ExitCode.MemoryRefused)
        {
            problem = e; // what CPUID says is worth telling all the same
        }

        DetectResult result = DetectResult.Of(invocation.Machine.Vmm, cpu, target, presence, problem) with
        {
            FurtherSignatures = [.. HypervisorSignatures.Further(cpu, session.Cpuid).Select(one => new SignatureInfo(RegisterValue.Hex(one.Leaf), one.Text))],
            Rules = invocation.Machine.Vmm == VmmKind.Fake
                ? [.. invocation.Machine.Personality.Rules.Select(rule => new RuleInfo(rule.Text, rule.Source))]
                : null,
        };
        invocation.Output.Report(result, CliJson.Readable.DetectResult, page => Draw(page, result));
        return ValueTask.FromResult(problem is null ? ExitCode.Done : ExitCodes.For(problem));
    }

    private static void Draw(IPage page, DetectResult result)
    {
        page.Facts(
            ("VMM asked", result.Vmm),
            ("CPU vendor", result.CpuVendor.Trim()),
            ("CPU brand", result.CpuBrand.Length == 0 ? "none" : result.CpuBrand),
            ("CPUID max leaf", string.Create(CultureInfo.InvariantCulture, $"0x{result.MaxLeaf:x}")),
            ("Instruction", result.Instruction is null ? "none" : $"{result.Instruction} ({result.InstructionEncoding}), by provider {result.Provider}"),
            ("Hypervisor bit", result.HypervisorPresent ? "set" : "clear"),
            ("Hypervisor signature", DescribeSignatures(result)),
            ("VMX reported", result.VmxReported ? "yes" : "no"),
            ("SVM reported", result.SvmReported ? "yes" : "no"),
            ("Functions by name", DescribePresence(result.Presence)));
        foreach (string note in result.Notes)
        {
            page.Text(note);
        }

        if (result.Rules is { Count: > 0 } rules)
        {
            page.Text("");
            page.Table(["the fake VMM's rule", "source"], [.. rules.Select(rule => new[] { rule.Rule, rule.Source })]);
        }
    }

    private static string DescribeSignatures(DetectResult result) => result.HypervisorSignature.Length == 0
        ? "none"
        : string.Join(", ", [result.HypervisorSignature, .. result.FurtherSignatures.Select(one => $"{one.Text} at {one.Leaf}")]);

    private static string DescribePresence(string presence) => presence switch
    {
        "present" => "yes",
        "absent" => "no, nobody answers by name",
        "foreignAbi" => "no, a VMM answers in another ABI",
        "faulted" => "no, the instruction faulted",
        "refused" => "no, the channel refused the call",
        _ => "unknown, nothing could be asked",
    };
}

/// <summary>The answer of <c>detect</c> in JSON.</summary>
internal sealed record DetectResult
{
    /// <summary><c>real</c> or <c>fake</c>.</summary>
    public required string Vmm { get; init; }

    public required string CpuVendor { get; init; }

    public required string CpuBrand { get; init; }

    public required uint MaxLeaf { get; init; }

    /// <summary>Null when no provider serves the CPU.</summary>
    public required string? Provider { get; init; }

    public required string? Instruction { get; init; }

    public required string? InstructionEncoding { get; init; }

    public required bool HypervisorPresent { get; init; }

    public required string HypervisorSignature { get; init; }

    public required uint HypervisorMaxLeaf { get; init; }

    /// <summary>What stands in the further ranges of hypervisor leaves.</summary>
    public IReadOnlyList<SignatureInfo> FurtherSignatures { get; init; } = [];

    public required bool VmxReported { get; init; }

    public required bool SvmReported { get; init; }

    /// <summary><c>present</c>, <c>absent</c>, <c>foreignAbi</c>, <c>faulted</c>, or <c>unknown</c>.</summary>
    public required string Presence { get; init; }

    /// <summary>The answer that decided it; null when there was none.</summary>
    public required string? PresenceRax { get; init; }

    public required FaultInfo? PresenceFault { get; init; }

    /// <summary>What a person should know.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>Why no hypercall can be made here; null when one can.</summary>
    public required ErrorInfo? Error { get; init; }

    /// <summary>By which rules the fake VMM behaves; null on the real one.</summary>
    public IReadOnlyList<RuleInfo>? Rules { get; init; }

    public static DetectResult Of(
        VmmKind vmm, CpuIdentity cpu, HypercallTarget? target, VmmPresenceResult? presence, Exception? problem) => new()
        {
            Vmm = vmm == VmmKind.Real ? "real" : "fake",
            CpuVendor = cpu.Vendor,
            CpuBrand = cpu.Brand,
            MaxLeaf = cpu.MaxLeaf,
            Provider = target?.ProviderName,
            Instruction = target?.Instruction?.Mnemonic,
            InstructionEncoding = target?.Instruction is { } instruction ? SpacedHex(instruction.Encoding.Span) : null,
            HypervisorPresent = cpu.HypervisorPresent,
            HypervisorSignature = cpu.HypervisorSignature,
            HypervisorMaxLeaf = cpu.HypervisorMaxLeaf,
            VmxReported = cpu.VmxReported,
            SvmReported = cpu.SvmReported,
            Presence = presence?.Presence switch
            {
                VmmPresence.Present => "present",
                VmmPresence.Absent => "absent",
                VmmPresence.ForeignAbi => "foreignAbi",
                VmmPresence.Faulted => "faulted",
                VmmPresence.Refused => "refused",
                _ => "unknown",
            },
            PresenceRax = presence is { Presence: not (VmmPresence.Faulted or VmmPresence.Refused), Rax: ulong rax } ? RegisterValue.Hex(rax) : null,
            PresenceFault = presence is { Presence: VmmPresence.Faulted, Status: HypercallStatus status } ? FaultInfo.Of(in status.Fault) : null,
            Notes = [.. NotesOn(cpu, presence, problem)],
            Error = problem is null ? null : ErrorInfo.Of(problem),
        };

    private static IEnumerable<string> NotesOn(CpuIdentity cpu, VmmPresenceResult? presence, Exception? problem)
    {
        if (cpu is { HypervisorPresent: false, HypervisorSignature.Length: > 0 })
        {
            yield return $"CPUID leaf 0x40000000 gives '{cpu.HypervisorSignature}' although the hypervisor bit (leaf 1, ECX bit 31) is clear: a VMM that half hides itself.";
        }

        if (presence is { } known)
        {
            yield return ToolWords.Of(known.Message);
        }

        if (presence is { IsPresent: true } && cpu is { HypervisorPresent: false, HypervisorSignature.Length: 0 })
        {
            yield return "CPUID shows no trace of it: a thin VMM adds no leaf and sets no bit.";
        }

        if (problem is not null)
        {
            foreach (string line in ErrorInfo.Of(problem).ToLines())
            {
                yield return line;
            }
        }
    }

    private static string SpacedHex(ReadOnlySpan<byte> bytes) =>
        string.Join(' ', bytes.ToArray().Select(value => value.ToString("X2", CultureInfo.InvariantCulture)));
}

/// <summary>The name of a VMM in a leaf of CPUID.</summary>
/// <param name="Leaf">The leaf.</param>
/// <param name="Text">The name.</param>
internal sealed record SignatureInfo(string Leaf, string Text);

/// <summary>A rule of a fake VMM.</summary>
/// <param name="Rule">What it does.</param>
/// <param name="Source">Who says so.</param>
internal sealed record RuleInfo(string Rule, string Source);
