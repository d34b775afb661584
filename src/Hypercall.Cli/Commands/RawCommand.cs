using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Machines;
using Hypercall.Cli.Output;

namespace Hypercall.Cli.Commands;

/// <summary>Executes one frame as it is.</summary>
internal sealed class RawCommand : CliCommand
{
    private readonly IReadOnlyList<(GeneralRegister Register, RegisterOption Option)> _registers =
        [.. HypercallRegisters.All.ToArray().Select(register => (register, new RegisterOption(register, $"{register.ToString().ToUpperInvariant()} going in. [default: 0]")))];

    public RawCommand()
        : base("raw", "Execute the instruction once with a frame of registers, and print them before and after.")
    {
        foreach ((_, RegisterOption option) in _registers)
        {
            Options.Add(option);
        }
    }

    public override string Remarks =>
        "No answer is judged: ends with 0 when the instruction completed. 'hypercall call --convention NAME --number N' fills "
        + "the registers "
        + "of a VMM's convention, and judges by its rule.";

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples { get; } =
    [
        ("hypercall raw --rax 4 --rbx -1", "one frame; every register that is not given is 0"),
        ("hypercall raw --rax 999 --fake kvm", "what KVM leaves in the registers when it refuses"),
    ];

    protected override ValueTask<ExitCode> RunAsync(Invocation invocation)
    {
        if (!_registers.Any(entry => invocation.Has(entry.Option)))
        {
            throw new UsageException("Nothing to execute: give at least one register, such as --rax 0.");
        }

        HypercallRegisters before = default;
        foreach ((GeneralRegister register, RegisterOption option) in _registers)
        {
            before[register] = invocation.Get(option);
        }

        using VmmSession session = invocation.OpenSession();
        HypercallTarget target = session.Target;
        HypercallRegisters after = before;
        session.Channel.Invoke(ref after);

        RawResult result = new(
            target.Way,
            RegisterMap.Of(in before),
            RegisterMap.Of(in after),
            [.. RegisterMap.Changed(before, after).Select(RegisterValue.NameOf)]);
        invocation.Output.Report(
            result,
            CliJson.Readable.RawResult,
            page => page.Table(
                ["register", "before", "after"], RegisterMap.Rows(before, after, HypercallRegisters.All.ToArray())),
            $"{OutputException.CalledAnyway}{target.Way} completed, with RAX = "
            + $"{RegisterValue.Describe(after.Rax)}.");
        return ValueTask.FromResult(ExitCode.Done);
    }
}

/// <summary>The answer of <c>raw</c> in JSON.</summary>
/// <param name="Instruction">The instruction that was executed.</param>
/// <param name="Before">The registers going in.</param>
/// <param name="After">The registers coming out.</param>
/// <param name="Changed">Those that differ.</param>
internal sealed record RawResult(
    string Instruction,
    IReadOnlyDictionary<string, string> Before,
    IReadOnlyDictionary<string, string> After,
    IReadOnlyList<string> Changed);
