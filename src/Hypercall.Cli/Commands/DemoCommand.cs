using Hypercall.BitVisor;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Machines;
using Hypercall.Cli.Output;

namespace Hypercall.Cli.Commands;

/// <summary>
/// Shows a call from both sides, the ways of handing memory over, and what becomes of a program that does it wrong.
/// </summary>
internal sealed class DemoCommand() : CliCommand(
    "demo",
    "Show a call from both sides, the ways of handing memory over, and one that goes wrong, on a fake VMM: runs anywhere.",
    defaultVmm: VmmKind.Fake)
{
    private const ulong FirstWord = 1;
    private const ulong SecondWord = 2;
    private const ulong ThirdWord = 3;
    private const ulong Answer = 10;

    public override string Remarks =>
        "With --vmm real, says who is there by look-ups alone: a real VMM has no function that is safe to play with.";

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples { get; } =
    [
        ("hypercall demo", "calls that work, and one that does not, told step by step"),
        ("hypercall demo --fake kvm", "a VMM of another ABI answers: exit code 4"),
        ("hypercall demo --fake deaf", "a VMM that ignores calls: exit code 1"),
        ("hypercall demo --fake none", "no VMM at all: the instruction faults, exit code 3"),
        ("hypercall demo --vmm real", "the same question to this machine"),
    ];

    protected override ValueTask<ExitCode> RunAsync(Invocation invocation)
    {
        DemoResult result = invocation.Machine.Vmm == VmmKind.Fake ? OnFake(invocation) : OnReal(invocation);
        invocation.Output.Report(result, CliJson.Readable.DemoResult, page =>
        {
            page.Table(["who", "what happens"], [.. result.Steps.Select(step => new[] { step.Who, step.What })]);
            page.Text(result.Summary);
            if (result.Techniques is { } techniques)
            {
                page.Text("");
                page.Table(
                    ["by", "what the VMM is told", "calls", "in", "back"],
                    [.. techniques.Select(way => new[] { way.Passing, way.Told, $"{way.Calls}", way.Sent, way.Received })]);
                page.Text("Three bytes went over in each way there is. In memory, two of them lie at the end of one page and the third at the start of the next. GVA: the guest's virtual address of a byte, as programs use it. GPA: its guest-physical address, which page tables make of the GVA.");
            }

            if (result.Fault is { } fault)
            {
                page.Text("");
                page.Text("And a program that gives away the address of memory that is locked, not pinned, on a day when the kernel moves the page:");
                foreach (string line in fault.Trace)
                {
                    page.Text(line);
                }

                page.Text($"{fault.Oracle}: {fault.Message}");
                page.Text($"The same machine again: {fault.Replay}");
                page.Text($"With pinned memory the same program gets through on it. {fault.Pinned}");
            }
        });
        return ValueTask.FromResult(ExitCode.Done);
    }

    private static DemoResult OnFake(Invocation invocation)
    {
        (ulong Number, ulong Rbx, ulong Rcx, ulong Rdx) seen = default;
        using VmmSession session = invocation.OpenSession(fake =>
        {
            _ = fake.On(FakeFunctions.Foo, call =>
            {
                seen = (call.Number, call.Rbx, call.Rcx, call.Rdx);
                call.Rax = Answer;
            });
            DemoTechniques.Register(fake);
        });
        HypercallTarget target = session.Target;
        HypercallFunction foo = session.Vmm.GetFunction(FakeFunctions.Foo);
        HypercallResult answer = foo.Call(FirstWord, SecondWord, ThirdWord);
        return new DemoResult(
            "fake",
            [
                new("guest", $"CPUID says {target.Cpu.Vendor.Trim()}: the way out is {target.Instruction?.ToString() ?? target.Way}."),
                new("guest", $"Writes \"{foo.Name}\" into a page that is there, and executes {target.Way} with RAX=0 (get_vmmcall_number) and RBX=the page's address."),
                new("VMM", $"Reads the name through the guest's page table, and answers RAX={foo.Number}: that is the function's number."),
                new("guest", $"Executes {target.Way} with RAX={foo.Number}, RBX={FirstWord}, RCX={SecondWord}, RDX={ThirdWord}."),
                new("VMM", $"Runs function {seen.Number}: sees RBX={seen.Rbx}, RCX={seen.Rcx}, RDX={seen.Rdx}, and leaves its result in RAX."),
                new("guest", $"Goes on after the instruction, with RAX={answer.Rax}. The registers that the VMM did not write came back unchanged: "
                    + $"RBX={answer.Rbx}, RCX={answer.Rcx}, RDX={answer.Rdx}."),
            ],
            $"Three words went over in registers, one came back: {foo.Name}({FirstWord}, {SecondWord}, {ThirdWord}) = {answer.Rax}.")
        {
            Function = foo.Name,
            Number = foo.Number,
            Seen = Words(seen.Rbx, seen.Rcx, seen.Rdx),
            Returned = RegisterValue.Hex(answer.Rax),
            Techniques = DemoTechniques.HandOver(session.Vmm, session.Memory),
            Fault = DemoTrace.Tell(),
        };
    }

    private static DemoResult OnReal(Invocation invocation)
    {
        using VmmSession session = invocation.OpenSession();
        HypercallTarget target = session.Target;
        VmmPresenceResult presence = session.Vmm.DetectPresence();
        return presence.Presence switch
        {
            VmmPresence.Present => new DemoResult(
                "real",
                [
                    new("guest", $"CPUID says {target.Cpu.Vendor.Trim()}: the way out is {target.Instruction?.ToString() ?? target.Way}."),
                    new("guest", "Looks up \"boot\", which every build has, and a name that cannot exist."),
                    new("VMM", $"Answers {presence.Rax} to the first and 0 to the second: it calls functions by name."),
                ],
                "A VMM is there and answers. It has no function that is safe to play with, so none was called: 'hypercall functions' lists what it has, 'hypercall demo' shows a call on the fake VMM."),
            VmmPresence.ForeignAbi => throw new ForeignVmmException("boot", presence.Rax, presence.Message),
            VmmPresence.Faulted or VmmPresence.Refused => throw presence.Status.ToException(),
            _ => throw new VmmFunctionNotFoundException("boot"),
        };
    }

    private static Dictionary<string, string> Words(ulong rbx, ulong rcx, ulong rdx) => new()
    {
        ["rbx"] = RegisterValue.Hex(rbx),
        ["rcx"] = RegisterValue.Hex(rcx),
        ["rdx"] = RegisterValue.Hex(rdx),
    };
}

/// <summary>The answer of <c>demo</c> in JSON.</summary>
/// <param name="Vmm"><c>real</c> or <c>fake</c>.</param>
/// <param name="Steps">The trace.</param>
/// <param name="Summary">Its last sentence.</param>
internal sealed record DemoResult(string Vmm, IReadOnlyList<DemoStep> Steps, string Summary)
{
    /// <summary>The function that was called; null on the real VMM.</summary>
    public string? Function { get; init; }

    public ulong? Number { get; init; }

    /// <summary>The words as the VMM saw them; null on the real VMM.</summary>
    public IReadOnlyDictionary<string, string>? Seen { get; init; }

    /// <summary>RAX after the call; null on the real VMM.</summary>
    public string? Returned { get; init; }

    /// <summary>The ways of handing memory over; null on the real VMM.</summary>
    public IReadOnlyList<DemoTechnique>? Techniques { get; init; }

    /// <summary>What becomes of a program that does it wrong; null on the real VMM.</summary>
    public DemoFault? Fault { get; init; }
}

/// <summary>One step of the trace.</summary>
/// <param name="Who"><c>guest</c> or <c>VMM</c>.</param>
/// <param name="What">What it does.</param>
internal sealed record DemoStep(string Who, string What);
