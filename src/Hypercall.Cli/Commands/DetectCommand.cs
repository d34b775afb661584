using System.CommandLine;
using System.Globalization;
using Hypercall.BitVisor;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Machines;
using Hypercall.Cli.Output;

namespace Hypercall.Cli.Commands;

/// <summary>What is here: the CPU, who is under it, which ways lead there, and who answers.</summary>
internal sealed class DetectCommand : CliCommand
{
    private readonly Option<bool> _try = new("--try")
    {
        Description = "Look a name or two up by the chosen way, and make one call that changes nothing by each way down that "
            + "can be used.",
    };

    private readonly Option<bool> _eachCpu = new("--each-cpu")
    {
        Description = "With --try: ask each CPU on which this program may run. A VMM may have taken over only some.",
    };

    public DetectCommand()
        : base("detect", "Say which CPU this is, who is under it, which ways lead there, and who answers.")
    {
        Options.Add(_try);
        Options.Add(_eachCpu);
    }

    public override string Remarks =>
        "Makes no hypercall: it reads CPUID and small files of the kernel's. Who answers, --try asks. "
        + "Ends with 0 whoever answers, or nobody; with 5 or 6 when the question cannot be asked here.";

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples { get; } =
    [
        ("hypercall detect", "this machine; nobody is called"),
        ("hypercall detect --try", "and who answers, by each way down"),
        ("hypercall detect --try --each-cpu", "and whether the VMM is on every CPU"),
        ("hypercall detect --json | jq -r .instruction", "VMCALL or VMMCALL, for a script"),
        ("hypercall detect --try --instruction vmcall", "what the other instruction would do here"),
        ("hypercall detect --try --fake kvm", "what it says under a VMM of another ABI"),
    ];

    protected override ValueTask<ExitCode> RunAsync(Invocation invocation)
    {
        bool tries = invocation.Get(_try);
        bool eachCpu = invocation.Get(_eachCpu);
        if (eachCpu && !tries)
        {
            throw new UsageException("--each-cpu makes a call on each CPU: it needs --try.");
        }

        using VmmSession session = invocation.OpenSession();
        CpuIdentity cpu = session.Cpu;
        IReadOnlyList<HypervisorFinding> findings = HypervisorDetector.Detect(session.Whole.Signs);
        HypercallTarget? target = null;
        VmmPresenceResult? presence = null;
        IReadOnlyList<CpuReport>? cpus = null;
        Exception? problem = null;
        try
        {
            target = session.Target;
            if (tries && WayTrial.IsHypercall(target.Instruction) && VmmSession.CanLookUp(target.Provider))
            {
                presence = session.Vmm.DetectPresence();
            }

            cpus = eachCpu ? CpuReport.OfEach(session.Whole, target.Instruction, findings) : null;
        }
        catch (Exception e) when (ExitCodes.For(e) is ExitCode.Unsupported or ExitCode.MemoryRefused)
        {
            problem = e; // what CPUID says is worth telling all the same
        }

        IReadOnlyList<WayReport> ways = WayReport.OfAll(session.Whole, cpu, target, findings, tries);
        DetectResult result = DetectResult.Of(invocation.Machine.Vmm, cpu, target, tries, presence, problem) with
        {
            FurtherSignatures =
            [
                .. (cpu.HypervisorSignature.Length == 0 ? [] : CpuidSignature.ReadAll(session.Cpuid).Skip(1)) // the first is that one
                    .Select(one => new SignatureInfo(RegisterValue.Hex(one.Leaf), one.Text)),
            ],
            Rules = invocation.Machine.Vmm == VmmKind.Fake
                ? [.. invocation.Machine.Personality.Rules.Select(rule => new RuleInfo(rule.Text, rule.Source))]
                : null,
            Hypervisors = [.. findings.Select(HypervisorInfo.Of)],
            Channels = [.. ways.Select(ChannelInfo.Of)],
            Cpus = cpus is null ? null : [.. cpus.Select(CpuInfo.Of)],
            Next = "hypercall " + Next(presence, ways, tries) + OptionsOf(invocation.Machine),
        };
        invocation.Output.Report(result, CliJson.Readable.DetectResult, page => Draw(page, result));
        return ValueTask.FromResult(problem is null ? ExitCode.Done : ExitCodes.For(problem));
    }

    /// <summary>The one command that shows most after this one.</summary>
    private static string Next(VmmPresenceResult? presence, IReadOnlyList<WayReport> ways, bool tries)
    {
        if (presence is { IsPresent: true })
        {
            return "functions";
        }

        if (!tries && ways.Any(way => way.State == WayState.NotTried))
        {
            return "detect --try";
        }

        WayReport? served = ways.FirstOrDefault(way => way is { State: WayState.Works, Trial.Served: not null });
        return served?.Trial?.Served is { } call
            ? call.CommandLine + (served.IsChosen ? "" : $" --channel {served.Provider.Name}")
            : "demo"; // what can be learnt without a VMM that serves this program
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

        page.Text("");
        if (result.Hypervisors.Count == 0)
        {
            page.Text("No hypervisor shows itself. One may be there all the same: some show no trace.");
        }
        else
        {
            page.Table(
                ["hypervisor", "known by", "evidence", "source"],
                [.. result.Hypervisors.Select(one => new[] { one.Name, DescribeKind(one.Kind), one.Evidence, one.Source })]);
        }

        page.Text("");
        page.Table(["way down", "instruction", "here", "why"], [.. result.Channels.Select(Row)]);
        if (result.Cpus is { } cpus)
        {
            page.Text("");
            page.Table(["CPU", "here", "why"], [.. cpus.Select(Row)]);
        }

        page.Text("");
        page.Text($"Next: {result.Next}");
        if (result.Rules is { Count: > 0 } rules)
        {
            page.Text("");
            page.Table(["the fake VMM's rule", "source"], [.. rules.Select(rule => new[] { rule.Rule, rule.Source })]);
        }
    }

    private static string[] Row(ChannelInfo way) =>
    [
        way.Chosen ? $"{way.Name} (chosen)" : way.Name,
        way.Instruction is null ? "none: a device" : way.Instruction,
        DescribeState(way.State, way.Fault?.Fault, way.Needs),
        way.Text,
    ];

    private static string[] Row(CpuInfo cpu) => [$"{cpu.Cpu}", DescribeState(cpu.State, cpu.Fault?.Fault, needs: null), cpu.Text];

    private static string DescribeState(string state, string? fault, string? needs) => state switch
    {
        "works" => "works",
        "refused" => "a VMM answers, and does not serve it",
        "faulted" => $"faults ({fault})",
        "silent" => "no answer",
        "channelRefused" => "refused before the VMM",
        "needs" => $"needs {needs}",
        "notHere" => "not here",
        _ => "not tried",
    };

    private static string DescribeKind(string kind) => kind switch
    {
        "saysItself" => "its own word",
        "hint" => "a hint",
        _ => "cannot be told",
    };

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
        "notAsked" => "not asked: --try asks",
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

    /// <summary>
    /// <c>present</c>, <c>absent</c>, <c>foreignAbi</c>, <c>faulted</c>, <c>refused</c>, or <c>unknown</c> where it cannot be
    /// asked; <c>notAsked</c> without <c>--try</c>.
    /// </summary>
    public required string Presence { get; init; }

    /// <summary>The answer that decided it; null when there was none, and without <c>--try</c>.</summary>
    public required string? PresenceRax { get; init; }

    public required FaultInfo? PresenceFault { get; init; }

    /// <summary>What a person should know.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>Why no hypercall can be made here; null when one can.</summary>
    public required ErrorInfo? Error { get; init; }

    /// <summary>By which rules the fake VMM behaves; null on the real one.</summary>
    public IReadOnlyList<RuleInfo>? Rules { get; init; }

    /// <summary>What was found of what is under the guest.</summary>
    public IReadOnlyList<HypervisorInfo> Hypervisors { get; init; } = [];

    /// <summary>All ways down.</summary>
    public IReadOnlyList<ChannelInfo> Channels { get; init; } = [];

    /// <summary>What each CPU answered; null without <c>--each-cpu</c>.</summary>
    public IReadOnlyList<CpuInfo>? Cpus { get; init; }

    /// <summary>The command that shows most after this one.</summary>
    public string Next { get; init; } = "";

    public static DetectResult Of(
        VmmKind vmm,
        CpuIdentity cpu,
        HypercallTarget? target,
        bool tries,
        VmmPresenceResult? presence,
        Exception? problem) => new()
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
                _ => tries || problem is not null ? "unknown" : "notAsked",
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

    internal static string SpacedHex(ReadOnlySpan<byte> bytes) =>
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
