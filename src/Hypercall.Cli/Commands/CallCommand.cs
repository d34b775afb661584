using System.CommandLine;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Machines;
using Hypercall.Cli.Output;

namespace Hypercall.Cli.Commands;

/// <summary>Calls a function of the VMM by name.</summary>
internal sealed class CallCommand : CliCommand
{
    private readonly Argument<string> _name = new("NAME") { Description = "The function's name, case-sensitive, at most 255 bytes of UTF-8." };
    private readonly RegisterOption _rbx = new(GeneralRegister.Rbx, $"First argument: {RegisterValue.Forms}. [default: 0]");
    private readonly RegisterOption _rcx = new(GeneralRegister.Rcx, "Second argument. [default: 0]");
    private readonly RegisterOption _rdx = new(GeneralRegister.Rdx, "Third argument. [default: 0]");
    private readonly RegisterOption _rsi = new(GeneralRegister.Rsi, "Fourth argument. [default: 0]");
    private readonly RegisterOption _rdi = new(GeneralRegister.Rdi, "Fifth argument. [default: 0]");

    public CallCommand()
        : base("call", "Look a function of the VMM up by name, and call it with up to five words.")
    {
        FunctionName.Validate(_name);
        Arguments.Add(_name);
        foreach (RegisterOption option in (RegisterOption[])[_rbx, _rcx, _rdx, _rsi, _rdi])
        {
            Options.Add(option);
        }
    }

    public override string Remarks =>
        "Prints RAX and every register that changed. Ends with 0 when the function returned: whether what it returned means no, only the function's documentation tells.";

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples { get; } =
    [
        ("hypercall call foo --rbx 1 --rcx 0x2 --rdx -3", "three words; -3 is 0xfffffffffffffffd"),
        ("hypercall call foo --vmm fake --json", "on the fake VMM, for a script"),
        ("hypercall call dbgsh --rbx -1", "ask BitVisor's debug shell for a character, and send it none"),
    ];

    protected override ValueTask<ExitCode> RunAsync(Invocation invocation)
    {
        using VmmSession session = invocation.OpenSession();
        string name = invocation.Get(_name)!;
        HypercallFunction function = session.Vmm.GetFunction(name);
        HypercallRegisters before = new()
        {
            Rbx = invocation.Get(_rbx),
            Rcx = invocation.Get(_rcx),
            Rdx = invocation.Get(_rdx),
            Rsi = invocation.Get(_rsi),
            Rdi = invocation.Get(_rdi),
        };
        HypercallRegisters after = before;
        HypercallStatus status = function.TryCall(ref after);
        if (!status.IsCompleted)
        {
            throw status.ToException();
        }

        before.Rax = function.Number; // as TryCall sent it
        HypercallResult answer = new(function.Convention, function.Number, after);
        IReadOnlyList<GeneralRegister> changed = RegisterMap.Changed(before, after);
        CallResult result = new(
            name,
            function.Number,
            RegisterMap.Of(in after),
            [.. changed.Select(RegisterValue.NameOf)],
            answer.RaxIsCallNumber,
            answer.RaxIsCallNumber ? [NoteOnCallNumber(function)] : []);
        invocation.Output.Report(result, CliJson.Readable.CallResult, page =>
        {
            page.Text($"{name} is function {function.Number}; it returned.");
            page.Table(["register", "before", "after"], RegisterMap.Rows(before, after, changed.Prepend(GeneralRegister.Rax).Distinct()));
            foreach (string note in result.Notes)
            {
                page.Text(note);
            }
        }, done: $"{OutputException.CalledAnyway}'{function.Name}' returned, with RAX = {RegisterValue.Describe(after.Rax)}.");
        return ValueTask.FromResult(ExitCode.Done);
    }

    private static string NoteOnCallNumber(HypercallFunction function) =>
        $"RAX is still {function.Number}, the number that was called. That is no result at all (log_set_buf never writes one), a refusal (get_status, when it is "
        + "disabled; boot, after boot), or a result that happens to be equal: only the function's own documentation tells.";
}

/// <summary>The answer of <c>call</c> in JSON.</summary>
/// <param name="Function">The name.</param>
/// <param name="Number">Its number, 1 to 127.</param>
/// <param name="Registers">All 15 after the call.</param>
/// <param name="Changed">Those that differ from what went in.</param>
/// <param name="RaxIsCallNumber">Whether RAX still holds the number.</param>
/// <param name="Notes">What a person should know.</param>
internal sealed record CallResult(
    string Function,
    ulong Number,
    IReadOnlyDictionary<string, string> Registers,
    IReadOnlyList<string> Changed,
    bool RaxIsCallNumber,
    IReadOnlyList<string> Notes);
