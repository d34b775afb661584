using System.CommandLine;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Machines;
using Hypercall.Cli.Output;

namespace Hypercall.Cli.Commands;

/// <summary>Executes one frame as it is, or as a convention lays it out.</summary>
internal sealed class RawCommand : CliCommand
{
    private readonly IReadOnlyList<(GeneralRegister Register, RegisterOption Option)> _registers =
        [.. HypercallRegisters.All.ToArray().Select(register => (register, new RegisterOption(register, $"{register.ToString().ToUpperInvariant()} going in. [default: 0]")))];

    private readonly ChoiceOption<HypercallConvention> _convention = new(
        "--convention",
        "Lay the frame out by a calling convention, and judge the result by its rule. Goes with --number and --arg instead of registers.",
        defaultValue: null,
        [.. HypercallConvention.All.Select(convention => (convention.Name.ToLowerInvariant(), convention))]);

    private readonly RegisterOption _number = new("--number", "The number of the call, for --convention.");

    private readonly Option<ulong[]> _arguments = new("--arg")
    {
        Description = "An argument, for --convention; once for each, in order.",
        HelpName = "VALUE",
        AllowMultipleArgumentsPerToken = true,
        CustomParser = result => [.. result.Tokens.Select(token => RegisterOption.Parse(result, token.Value))],
    };

    public RawCommand()
        : base("raw", "Execute the instruction once with a frame of registers, and print them before and after.")
    {
        foreach ((_, RegisterOption option) in _registers)
        {
            Options.Add(option);
        }

        Options.Add(_convention);
        Options.Add(_number);
        Options.Add(_arguments);
    }

    public override string Remarks =>
        "Without a convention no answer is judged: ends with 0 when the instruction completed. With one, ends with 1 when its rule says failure, and with 4 when the answer proves that another VMM gave it.";

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples { get; } =
    [
        ("hypercall raw --rax 4 --rbx -1", "one frame; every register that is not given is 0"),
        ("hypercall raw --convention kvm --number 1", "KVM_HC_VAPIC_POLL_IRQ, which KVM refuses to user mode with -1"),
        ("hypercall raw --convention bitvisor --number 4 --arg 1 --arg 2 --vmm fake", "number and arguments in BitVisor's registers"),
    ];

    protected override ValueTask<ExitCode> RunAsync(Invocation invocation)
    {
        ThrowIfContradictory(invocation);
        HypercallConvention? convention = invocation.Get(_convention);
        HypercallRegisters before = convention is null
            ? Frame(invocation)
            : convention.CreateFrame(invocation.Get(_number), invocation.Get(_arguments) ?? []);

        using VmmSession session = invocation.OpenSession();
        HypercallTarget target = session.Target;
        HypercallRegisters after = before;
        session.Channel.Invoke(ref after);

        HypercallResult? judged = convention is null ? null : new HypercallResult(convention, invocation.Get(_number), after);
        bool isForeign = convention?.IsForeign(in before, in after) ?? false;
        RawResult result = new(
            target.Way,
            RegisterMap.Of(in before),
            RegisterMap.Of(in after),
            [.. RegisterMap.Changed(before, after).Select(RegisterValue.NameOf)],
            judged is { } answer ? ConventionInfo.Of(answer, isForeign) : null);
        invocation.Output.Report(result, CliJson.Readable.RawResult, page =>
        {
            page.Table(["register", "before", "after"], RegisterMap.Rows(before, after, HypercallRegisters.All.ToArray()));
            if (result.Convention is { } told)
            {
                page.Text($"{told.Name}: {told.ResultRegister.ToUpperInvariant()} = {told.Result}, which "
                    + (told.Foreign ? "no VMM of this convention answers to this call: another VMM is here, and 'hypercall detect' may tell which."
                    : told.Failed ? $"means failure: {told.Failure}." : $"does not mean failure; what does: {convention!.Failure.Description}."));
            }
        }, done: $"{OutputException.CalledAnyway}{target.Way} completed, with RAX = {RegisterValue.Describe(after.Rax)}.");
        return ValueTask.FromResult(isForeign ? ExitCode.ForeignVmm : judged is { IsFailure: true } ? ExitCode.Refused : ExitCode.Done);
    }

    private HypercallRegisters Frame(Invocation invocation)
    {
        HypercallRegisters registers = default;
        foreach ((GeneralRegister register, RegisterOption option) in _registers)
        {
            registers[register] = invocation.Get(option);
        }

        return registers;
    }

    // Everything that can be wrong with the request is said before any exit to the VMM.
    private void ThrowIfContradictory(Invocation invocation)
    {
        string? register = _registers.Select(entry => entry.Option).FirstOrDefault(invocation.Has)?.Name;
        HypercallConvention? convention = invocation.Get(_convention);
        ulong[] arguments = invocation.Get(_arguments) ?? [];
        int count = arguments.Length;
        string? problem = convention switch
        {
            null when invocation.Has(_number) || count > 0 => "--number and --arg need --convention, which says which registers carry them.",
            null when register is null => "Nothing to execute: give at least one register, such as --rax 0, or --convention with --number.",
            null => null,
            _ when register is not null => $"{register} does not go with --convention, which lays out the whole frame.",
            _ when !invocation.Has(_number) => "--convention needs --number.",
            _ when count > convention.Arguments.Count =>
                $"The convention '{convention.Name}' carries at most {convention.Arguments.Count} arguments "
                + $"({string.Join(", ", convention.Arguments)}); {count} were given.",
            _ when TooLarge([(convention.Number, invocation.Get(_number)), .. convention.Arguments.Zip(arguments)]) is { } field =>
                $"The convention '{convention.Name}' has {field.Bits} bits for that, {field}: at most 0x{field.MaxValue:x}.",
            _ => null,
        };
        if (problem is not null)
        {
            throw new UsageException(problem);
        }

        static RegisterField? TooLarge(ReadOnlySpan<(RegisterField Field, ulong Value)> words)
        {
            foreach ((RegisterField field, ulong value) in words)
            {
                if (value > field.MaxValue)
                {
                    return field;
                }
            }

            return null;
        }
    }
}

/// <summary>The answer of <c>raw</c> in JSON.</summary>
/// <param name="Instruction">The instruction that was executed.</param>
/// <param name="Before">The registers going in.</param>
/// <param name="After">The registers coming out.</param>
/// <param name="Changed">Those that differ.</param>
/// <param name="Convention">What the convention says of the result; null without one.</param>
internal sealed record RawResult(
    string Instruction,
    IReadOnlyDictionary<string, string> Before,
    IReadOnlyDictionary<string, string> After,
    IReadOnlyList<string> Changed,
    ConventionInfo? Convention);

/// <summary>What a convention says of a result, in JSON.</summary>
/// <param name="Name">The convention.</param>
/// <param name="ResultRegister">Where the result comes back.</param>
/// <param name="Result">Its value.</param>
/// <param name="Failed">Whether that means failure.</param>
/// <param name="Failure">The failure in words; null when there is none.</param>
/// <param name="Foreign">Whether the answer proves that another VMM gave it.</param>
internal sealed record ConventionInfo(string Name, string ResultRegister, string Result, bool Failed, string? Failure, bool Foreign)
{
    public static ConventionInfo Of(in HypercallResult result, bool isForeign) => new(
        result.Convention.Name,
        result.Convention.Result.ToString().ToLowerInvariant(),
        RegisterValue.Hex(result.Value),
        result.IsFailure,
        result.FailureMeaning,
        isForeign);
}
