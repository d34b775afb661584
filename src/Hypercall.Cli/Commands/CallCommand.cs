using System.CommandLine;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Machines;
using Hypercall.Cli.Output;

namespace Hypercall.Cli.Commands;

/// <summary>Calls a function of the VMM, by its name or by a convention and a number.</summary>
internal sealed class CallCommand : CliCommand
{
    private readonly Argument<string?> _name = new("NAME")
    {
        Description = "The function's name, case-sensitive, at most 255 bytes of UTF-8. Without one: --convention and --number.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly RegisterOption[] _registers =
    [
        new(GeneralRegister.Rbx, $"First argument of a function with a name, as --arg: {RegisterValue.Forms}. [default: 0]"),
        new(GeneralRegister.Rcx, "Second argument. [default: 0]"),
        new(GeneralRegister.Rdx, "Third argument. [default: 0]"),
        new(GeneralRegister.Rsi, "Fourth argument. [default: 0]"),
        new(GeneralRegister.Rdi, "Fifth argument. [default: 0]"),
    ];

    private readonly FunctionOptions _function;

    public CallCommand()
        : base("call", "Call a function of the VMM: by its name, or by a convention and a number.")
    {
        FunctionName.Validate(_name);
        Arguments.Add(_name);
        _function = new FunctionOptions(this, "NAME");
        foreach (RegisterOption option in _registers)
        {
            Options.Add(option);
        }
    }

    public override string Remarks =>
        "Prints the result and every register that changed. By name: ends with 0 when the function returned; whether what it "
        + "returned "
        + "means no, only the function's documentation tells. By convention: ends with 1 when the convention calls the result "
        + "a failure. "
        + "Either ends with 4 when the answer proves that another VMM gave it; where nothing proves it, and CPUID names "
        + "another VMM than "
        + "the convention's, a warning says so. 'hypercall raw' gives every register itself.";

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples { get; } =
    [
        ("hypercall call foo --arg 1 --arg 0x2 --arg -3", "by name, with three words; -3 is 0xfffffffffffffffd"),
        ("hypercall call dbgsh --rbx -1", "by the register's name: ask BitVisor's debug shell for a character, and send it none"),
        ("hypercall call --convention xen --number 17 --arg 0", "xen_version, command 0: 0x40011 is Xen 4.17"),
        ("hypercall call --convention kvm --number 1 --fake kvm --json", "for a script; KVM refuses user mode with -1"),
    ];

    protected override ValueTask<ExitCode> RunAsync(Invocation invocation)
    {
        FunctionChoice choice = Read(invocation);
        using VmmSession session = invocation.OpenSession();
        IReadOnlyList<string> warnings = choice.WarningsIn(session);
        invocation.Output.Warn(warnings);
        (HypercallFunction function, HypercallResult answer) = CallFailedException.Of($"{choice}", warnings, () =>
        {
            HypercallFunction found = choice.Find(session);
            return (found, found.Call([.. choice.Words]));
        });

        HypercallRegisters before = function.Convention.CreateFrame(function.Number, [.. choice.Words]);
        HypercallRegisters after = answer.Registers;
        IReadOnlyList<GeneralRegister> changed = RegisterMap.Changed(before, after);
        GeneralRegister[] told = [.. changed.Prepend(function.Convention.Result.Register).Distinct()];
        bool isNumber = function.Convention.Number.Register == GeneralRegister.Rax && answer.NumberCameBack;
        CallResult result = new(
            choice.Name,
            function.Number,
            ConventionInfo.Of(in answer),
            RegisterMap.Of(in after),
            [.. changed.Select(RegisterValue.NameOf)],
            isNumber,
            isNumber ? [NoteOnCallNumber(function)] : [],
            warnings);
        invocation.Output.Report(result, CliJson.Readable.CallResult, page =>
        {
            page.Text(choice.Name is null ? $"{choice} returned." : $"{choice.Name} is function {function.Number}; it returned.");
            page.Table(["register", "before", "after"], RegisterMap.Rows(before, after, told));
            if (choice.Name is null)
            {
                page.Text(result.Convention.Describe(function.Convention));
            }

            foreach (string note in result.Notes)
            {
                page.Text(note);
            }
        }, done: $"{OutputException.CalledAnyway}'{choice}' returned, with RAX = {RegisterValue.Describe(after.Rax)}.");
        return ValueTask.FromResult(answer.IsFailure ? ExitCode.Refused : ExitCode.Done);
    }

    private FunctionChoice Read(Invocation invocation)
    {
        FunctionChoice choice = _function.Read(invocation, invocation.Get(_name));
        if (_registers.FirstOrDefault(invocation.Has) is not { } register)
        {
            return choice;
        }

        if (_function.HasConvention(invocation))
        {
            throw new UsageException(
                $"{register.Name} is an argument of a function with a name. The arguments of {choice.Convention} go in "
                + $"{string.Join(", ", choice.Convention.Arguments)}: give them by --arg, in that order.");
        }

        return _function.HasArguments(invocation)
            ? throw new UsageException($"{register.Name} and --arg both give arguments: use one of them for all.")
            : choice with { Words = [.. _registers.Select(option => invocation.Get(option))] };
    }

    private static string NoteOnCallNumber(HypercallFunction function) => function.Convention == HypercallConvention.BitVisor
        ? $"RAX is still {function.Number}, the number that was called. That is no result at all (log_set_buf never writes "
            + "one), a refusal "
            + "(get_status, when it is disabled; boot, after boot), or a result that happens to be equal: only the function's "
            + "own documentation tells."
        : $"RAX is still {function.Number}, the number that was called: a result that happens to be equal, or a VMM that did "
            + "not answer.";
}

/// <summary>The answer of <c>call</c> in JSON.</summary>
/// <param name="Function">The name; null where a convention and a number were given.</param>
/// <param name="Number">The number that was called.</param>
/// <param name="Convention">What the convention says of the result.</param>
/// <param name="Registers">All 15 after the call.</param>
/// <param name="Changed">Those that differ from what went in.</param>
/// <param name="RaxIsCallNumber">Whether RAX, in which the number went in, still holds it.</param>
/// <param name="Notes">What a person should know.</param>
/// <param name="Warnings">What makes the answer doubtful.</param>
internal sealed record CallResult(
    string? Function,
    ulong Number,
    ConventionInfo Convention,
    IReadOnlyDictionary<string, string> Registers,
    IReadOnlyList<string> Changed,
    bool RaxIsCallNumber,
    IReadOnlyList<string> Notes,
    IReadOnlyList<string> Warnings);
