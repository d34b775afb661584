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
    private readonly Option<string?> _name = new("--function")
    {
        Description = "The function's name. Without one: --convention and --number.",
        HelpName = "NAME",
    };

    private readonly FunctionOptions _function;
    private readonly LayoutOption _layout = new();
    private readonly ChoiceOption<Passing> _passing = new(
        "--passing",
        "How it is handed over: by virtual address, by the physical address of contiguous memory, page by page, by frame list, or what suits the memory. [default: gva]",
        Passing.Virtual,
        ("gva", Passing.Virtual),
        ("contiguous", Passing.Contiguous),
        ("pages", Passing.PageByPage),
        ("list", Passing.FrameList),
        ("auto", Passing.Auto));
    private readonly SizeOption _piece = new(
        "--piece",
        "The most that one call is given; between two calls Ctrl-C counts, and the bar moves. For a VMM that reads slowly",
        "as much as the technique allows; with gva that is all");
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
        FunctionName.Validate(_name);
        Arguments.Add(_file);
        Options.Add(_name);
        _function = new FunctionOptions(this, "--function");
        Option[] options =
        [
            _layout, _passing, _piece, _direction, _out, _residency, _raxMeans, _allowFallback, _acceptCorruption,
        ];
        foreach (Option option in options)
        {
            Options.Add(option);
        }
    }

    public override string Remarks =>
        "By name, RBX and RCX carry address and length (with list, those of the list), and --arg fills RDX, RSI and RDI. By "
        + "convention, "
        + "--layout says which arguments hold them, and --arg fills the others, in order. The file is read into memory of its "
        + "own first, and "
        + "--out is written only after all bytes are done. Ctrl-C stops between two calls and says how far it got (130); with "
        + "gva there is one "
        + "call, unless --piece cuts it. Ends with 4 when the answer proves that another VMM gave it.";

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples { get; } =
    [
        ("hypercall send data.bin --function foo", "by virtual address: no privilege needed"),
        ("hypercall send data.bin --function upper_list --passing list --direction both --out back.bin --vmm fake", "by frame list to the fake VMM, and back"),
        ("hypercall send - --function upper_gva --direction both --out - --piece 64KiB --vmm fake", "as a filter, 64 KiB a call"),
        (
            "hypercall send data.bin --convention xen --number 17 --arg 1 --layout address:1 --direction from --out back.bin",
            "xen_version, command 1: the VMM writes its extra version at the second argument"
        ),
    ];

    protected override async ValueTask<ExitCode> RunAsync(Invocation invocation)
    {
        Direction direction = invocation.Get(_direction);
        string? outFile = invocation.Get(_out);
        Check(direction, outFile, invocation.Output.IsJson);
        (FunctionChoice choice, TransferLayout layout) = ReadFunction(invocation);
        Payload.Check(invocation.Get(_file)!);
        CancellationToken cancellation = invocation.CancellationToken;

        using VmmSession session = invocation.OpenSession();
        string name = choice.ToString();
        IReadOnlyList<string> warnings = choice.WarningsIn(session);
        invocation.Output.Warn(warnings);
        // Before a large file is read for nobody.
        HypercallFunction function = CallFailedException.Of(name, warnings, () => choice.Find(session, layout));
        Payload payload = await Payload.ReadAsync(invocation.Get(_file)!, invocation.Host, cancellation).ConfigureAwait(false);
        CheckUnit(layout, payload.Length, invocation.Get(_file)!);
        using GuestBuffer buffer = session.Memory.Allocate(payload.Length, MemoryFor(invocation));
        await payload.CopyToAsync(buffer, cancellation).ConfigureAwait(false);
        using Destination? destination = outFile is null ? null : Destination.Open(outFile, invocation.Host);

        long? piece = invocation.Has(_piece) ? invocation.Get(_piece) : null;
        TransferRule rule = invocation.Get(_raxMeans)!;
        Passing passing = invocation.Get(_passing)!;
        TransferResult transfer = ProgressBar.Show(
            invocation.Host,
            invocation.Output,
            name,
            buffer.Length,
            progress => CallFailedException.Of(
                name,
                warnings,
                () => function.Transfer(buffer, passing, direction, rule, Options(progress), cancellation)));
        string done = $"{OutputException.CalledAnyway}'{name}' took {transfer.BytesDone} of {transfer.Length} bytes in {transfer.Calls} {(transfer.Calls == 1 ? "call" : "calls")}.";
        destination?.Write(buffer, done);
        Report(invocation, new SendResult
        {
            Function = choice.Name,
            Convention = function.Convention.Name,
            Number = function.Number,
            Layout = LayoutOption.Describe(layout),
            Passing = NameOf(passing),
            Technique = NameOf(transfer.Passing ?? passing),
            Piece = piece,
            Direction = NameOf(direction),
            Residency = NameOf(buffer.Residency),
            Contiguity = NameOf(buffer.Contiguity),
            Bytes = transfer.Length,
            BytesDone = transfer.BytesDone,
            Calls = transfer.Calls,
            Rax = RegisterValue.Hex(transfer.Registers.Rax),
            RaxIsCallNumber = function.Convention.Number.Register == GeneralRegister.Rax
                && transfer.Registers.Rax == function.Number,
            Outcome = NameOf(transfer.Outcome),
            Warnings = warnings,
        }, name, toStandardOutput: outFile != "-", done);
        return ExitCode.Done;

        TransferOptions Options(IProgress<long>? progress) => new()
        {
            Words = choice.Words,
            BytesPerCall = piece,
            AcceptMemoryCorruptionIfPagesMove = invocation.Get(_acceptCorruption),
            Progress = progress,
        };
    }

    // Everything that can be wrong with the request is said before any exit to the VMM.
    private (FunctionChoice Function, TransferLayout Layout) ReadFunction(Invocation invocation)
    {
        string? name = invocation.Get(_name);
        TransferLayout? given = invocation.Get(_layout);
        FunctionChoice choice = _function.Read(invocation, name, given);
        TransferLayout layout = given ?? choice.Convention.Layout ?? throw new UsageException(
            $"Which arguments of {choice} hold the memory is not known: the convention of {choice.Convention} leaves that to "
            + "each function. "
            + $"Say it with --layout: {LayoutOption.Forms}, as the function's documentation has it.");
        choice = _function.Read(invocation, name, layout);
        if (invocation.Get(_piece) % layout.Unit != 0)
        {
            throw new UsageException(
                $"--layout {LayoutOption.Describe(layout)} counts in pages of {layout.Unit} bytes: --piece is a whole number "
                + "of them.");
        }

        return (choice, layout);
    }

    private static void CheckUnit(TransferLayout layout, long length, string file)
    {
        if (length % layout.Unit != 0)
        {
            throw new UsageException(
                $"--layout {LayoutOption.Describe(layout)} counts in pages of {layout.Unit} bytes, and {Payload.NameOf(file)} "
                + $"has {length}: "
                + "pad it to a whole number of them.");
        }
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

    private static void Report(Invocation invocation, SendResult result, string function, bool toStandardOutput, string done)
    {
        if (!toStandardOutput)
        {
            return; // that is the data's
        }

        invocation.Output.Report(result, CliJson.Readable.SendResult, page =>
        {
            page.Facts(
                ("function", function),
                ("layout", result.Layout),
                ("passing", result.Technique == result.Passing ? result.Passing : $"{result.Passing}: {result.Technique}"),
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
    /// <summary>The name; null where a convention and a number were given.</summary>
    public required string? Function { get; init; }

    /// <summary>The convention's name.</summary>
    public required string Convention { get; init; }

    public required ulong Number { get; init; }

    /// <summary>As <c>--layout</c> takes it.</summary>
    public required string Layout { get; init; }

    /// <summary><c>gva</c>, <c>contiguous</c>, <c>pages</c>, <c>list</c> or <c>auto</c>.</summary>
    public required string Passing { get; init; }

    /// <summary>The same; for <c>auto</c> what it chose.</summary>
    public required string Technique { get; init; }

    /// <summary>The most that one call was given, in bytes; null for no limit.</summary>
    public required long? Piece { get; init; }

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

    /// <summary>Whether RAX, in which the number went in, still holds it.</summary>
    public required bool RaxIsCallNumber { get; init; }

    /// <summary><c>completed</c>: every other outcome is an error.</summary>
    public required string Outcome { get; init; }

    /// <summary>What makes the answer doubtful.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }
}
