using System.CommandLine;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Machines;
using Hypercall.Cli.Output;
using Hypercall.Cli.Sending;

namespace Hypercall.Cli.Commands;

/// <summary>Hands a file to a function of the VMM.</summary>
internal sealed class SendCommand : CliCommand
{
    private readonly Argument<string> _file = new("FILE") { Description = "What to hand over; - is standard input." };
    private readonly Option<string> _function = new("--function") { Description = "The function's name.", HelpName = "NAME", Required = true };
    private readonly ChoiceOption<Passing> _passing = new(
        "--passing",
        "How it is handed over: by virtual address, by the physical address of contiguous memory, page by page, by frame list, or what suits the memory. [default: gva]",
        Passing.Virtual,
        ("gva", Passing.Virtual),
        ("contiguous", Passing.Contiguous),
        ("pages", Passing.PageByPage),
        ("list", Passing.FrameList),
        ("auto", Passing.Auto));
    private readonly ChoiceOption<Residency?> _residency = new(
        "--residency",
        "What holds its pages. [default: touched for gva, else pinned]",
        defaultValue: null,
        ("touched", Residency.Touched),
        ("locked", Residency.Locked),
        ("pinned", Residency.Pinned));
    private readonly ChoiceOption<Direction> _direction = new(
        "--direction",
        "Who reads and writes it: the VMM reads, the VMM writes, or both. [default: to]",
        Direction.ToVmm,
        ("to", Direction.ToVmm),
        ("from", Direction.FromVmm),
        ("both", Direction.Both));
    private readonly Option<string?> _out = new("--out") { Description = "Where what the VMM wrote goes, for from and both; - is standard output.", HelpName = "FILE" };
    private readonly ChoiceOption<TransferRule> _raxMeans = new(
        "--rax-means",
        "What the function leaves in RAX: nothing to judge by, how many bytes of the call are done, or 0 for success. [default: nothing]",
        TransferRule.CompletedMeansAll,
        ("nothing", TransferRule.CompletedMeansAll),
        ("bytes", TransferRule.BytesIn(GeneralRegister.Rax)),
        ("status", TransferRule.ZeroMeansAll));
    private readonly RegisterOption _rdx = new(GeneralRegister.Rdx, "The function's own first argument. [default: 0]");
    private readonly RegisterOption _rsi = new(GeneralRegister.Rsi, "The function's own second argument. [default: 0]");
    private readonly RegisterOption _rdi = new(GeneralRegister.Rdi, "The function's own third argument. [default: 0]");
    private readonly Option<bool> _allowFallback = new("--allow-fallback")
    {
        Description = "Take a fallback when the machine cannot give what is asked: locked for pinned, touched for locked, scattered for contiguous.",
    };

    private readonly Option<bool> _acceptCorruption = new("--accept-memory-corruption-if-pages-move")
    {
        Description = "Give away physical addresses of memory that is not pinned. A page that moves makes the VMM use memory of somebody else.",
    };

    public SendCommand()
        : base("send", "Hand a file of any size to a function of the VMM, and take what comes back.")
    {
        FunctionName.Validate(_function);
        Arguments.Add(_file);
        foreach (Option option in (Option[])[_function, _passing, _direction, _out, _residency, _raxMeans, _rdx, _rsi, _rdi, _allowFallback, _acceptCorruption])
        {
            Options.Add(option);
        }
    }

    public override string Remarks =>
        "RBX and RCX carry address and length (with list, those of the list). The file is read into memory of its own first, and --out is written only after all bytes are done. "
        + "Ctrl-C stops between two calls and says how far it got.";

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples { get; } =
    [
        ("hypercall send data.bin --function foo", "by virtual address: no privilege needed"),
        ("hypercall send data.bin --function upper_list --passing list --direction both --out back.bin --vmm fake", "by frame list to the fake VMM, and back"),
        ("hypercall send - --function upper_gva --direction both --out - --rax-means bytes --vmm fake", "as a filter"),
    ];

    protected override async ValueTask<ExitCode> RunAsync(Invocation invocation)
    {
        Direction direction = invocation.Get(_direction);
        string? outFile = invocation.Get(_out);
        Check(direction, outFile, invocation.Output.IsJson);
        Payload.Check(invocation.Get(_file)!);
        CancellationToken cancellation = invocation.CancellationToken;

        using VmmSession session = invocation.OpenSession();
        string name = invocation.Get(_function)!;
        HypercallFunction function = session.Vmm.GetFunction(name); // before a large file is read for nobody
        Payload payload = await Payload.ReadAsync(invocation.Get(_file)!, invocation.Host, cancellation).ConfigureAwait(false);
        using GuestBuffer buffer = session.Memory.Allocate(payload.Length, MemoryFor(invocation));
        await payload.CopyToAsync(buffer, cancellation).ConfigureAwait(false);
        using Destination? destination = outFile is null ? null : Destination.Open(outFile, invocation.Host);

        TransferOptions options = new()
        {
            Words = [invocation.Get(_rdx), invocation.Get(_rsi), invocation.Get(_rdi)],
            AcceptMemoryCorruptionIfPagesMove = invocation.Get(_acceptCorruption),
        };
        TransferRule rule = invocation.Get(_raxMeans)!;
        Passing passing = invocation.Get(_passing)!;
        TransferResult transfer = ProgressBar.Show(
            invocation.Host,
            invocation.Output,
            name,
            buffer.Length,
            progress => function.Transfer(buffer, passing, direction, rule, options with { Progress = progress }, cancellation));
        string done = $"{OutputException.CalledAnyway}'{name}' took {transfer.BytesDone} of {transfer.Length} bytes in {transfer.Calls} {(transfer.Calls == 1 ? "call" : "calls")}.";
        destination?.Write(buffer, done);
        Report(invocation, new SendResult
        {
            Function = name,
            Passing = NameOf(passing),
            Direction = NameOf(direction),
            Residency = NameOf(buffer.Residency),
            Contiguity = NameOf(buffer.Contiguity),
            Bytes = transfer.Length,
            BytesDone = transfer.BytesDone,
            Calls = transfer.Calls,
            Rax = RegisterValue.Hex(transfer.Registers.Rax),
            RaxIsCallNumber = transfer.Registers.Rax == function.Number,
            Outcome = NameOf(transfer.Outcome),
        }, toStandardOutput: outFile != "-", done);
        return ExitCode.Done;
    }

    private static void Check(Direction direction, string? outFile, bool json)
    {
        bool comesBack = direction.HasFlag(Direction.FromVmm);
        if (comesBack != outFile is not null)
        {
            throw new UsageException(comesBack
                ? "With --direction from|both the VMM writes into the memory: say with --out FILE where that goes; - is standard output."
                : "--out takes what the VMM wrote, and nothing comes back with --direction to: choose from or both.");
        }

        if (json && outFile == "-")
        {
            throw new UsageException("--json and --out - both want standard output: give --out a file.");
        }
    }

    private GuestBufferOptions MemoryFor(Invocation invocation)
    {
        Passing passing = invocation.Get(_passing)!;
        return new GuestBufferOptions
        {
            Residency = invocation.Get(_residency) ?? (passing == Passing.Virtual ? Residency.Touched : Residency.Pinned),
            Contiguity = passing == Passing.Contiguous ? Contiguity.Contiguous : Contiguity.Any,
            AllowFallback = invocation.Get(_allowFallback),
        };
    }

    private static void Report(Invocation invocation, SendResult result, bool toStandardOutput, string done)
    {
        if (!toStandardOutput)
        {
            return; // that is the data's
        }

        invocation.Output.Report(result, CliJson.Readable.SendResult, page =>
        {
            page.Facts(
                ("function", result.Function),
                ("passing", result.Passing),
                ("direction", result.Direction),
                ("memory", $"{result.Residency}, {result.Contiguity}"),
                ("bytes done", $"{result.BytesDone} of {result.Bytes}"),
                ("calls", $"{result.Calls}"),
                ("RAX", result.Rax));
            if (result.RaxIsCallNumber)
            {
                page.Text("RAX is still the number that was called: no result at all, a refusal, or a result that happens to be equal. Only the function's own documentation tells.");
            }
        }, done);
    }

    private static string NameOf(Passing passing) =>
        passing == Passing.Virtual ? "gva" : passing == Passing.PageByPage ? "pages" : passing == Passing.FrameList ? "list" : passing.Name.ToLowerInvariant();

    private static string NameOf(Direction direction) => direction switch { Direction.ToVmm => "to", Direction.FromVmm => "from", _ => "both" };

    private static string NameOf<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();
}

/// <summary>The answer of <c>send</c> in JSON, when all bytes are done.</summary>
internal sealed record SendResult
{
    public required string Function { get; init; }

    /// <summary><c>gva</c>, <c>contiguous</c>, <c>pages</c>, <c>list</c> or <c>auto</c>.</summary>
    public required string Passing { get; init; }

    /// <summary><c>to</c>, <c>from</c> or <c>both</c>.</summary>
    public required string Direction { get; init; }

    /// <summary>What the memory got: <c>touched</c>, <c>locked</c> or <c>pinned</c>.</summary>
    public required string Residency { get; init; }

    /// <summary>What the memory got: <c>any</c> or <c>contiguous</c>.</summary>
    public required string Contiguity { get; init; }

    public required long Bytes { get; init; }

    public required long BytesDone { get; init; }

    /// <summary>How many times the instruction was executed.</summary>
    public required long Calls { get; init; }

    /// <summary>After the last call.</summary>
    public required string Rax { get; init; }

    /// <summary>Whether RAX still holds the function's number.</summary>
    public required bool RaxIsCallNumber { get; init; }

    /// <summary><c>completed</c>: every other outcome is an error.</summary>
    public required string Outcome { get; init; }
}
