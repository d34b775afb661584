using System.CommandLine;
using System.Globalization;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Machines;
using Hypercall.Cli.Output;
using Hypercall.Linux;

namespace Hypercall.Cli.Commands;

/// <summary>What the kernel module keeps for the VMM, and its release.</summary>
internal sealed class KeptCommand : CliCommand
{
    private readonly Option<uint[]> _release = new("--release")
    {
        Description = "Free a kept buffer by its number; may be given several times. Only when the VMM has let go of its "
            + "address.",
        HelpName = "ID",
    };

    public KeptCommand()
        : base("kept", "List the buffers that the kernel module keeps for the VMM, or free some.") => Options.Add(_release);

    public override string Remarks =>
        "A buffer whose address a VMM was told outlives its program, for the VMM may still write there. It is freed when "
        + "somebody says that the VMM has let go of it: after 'hypercall log' was killed, for one, once another log was set. "
        + "Until then the module "
        + "cannot be unloaded. Ends with 6 when there is no such buffer, or a running program has it.";

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples { get; } =
    [
        ("hypercall kept", "which there are, and whose they were"),
        ("hypercall kept --release 3", "free buffer 3: the VMM knows it no more"),
    ];

    protected override ValueTask<ExitCode> RunAsync(Invocation invocation)
    {
        uint[] released = invocation.Get(_release) ?? [];
        using VmmSession session = invocation.OpenSession();
        KeptInfo[] kept = invocation.Machine.Vmm == VmmKind.Fake ? OfFake(released) : Of(session.KernelMemory, released);
        KeptResult result = new(kept, released);
        invocation.Output.Report(
            result,
            CliJson.Readable.KeptResult,
            page => Draw(page, result),
            released.Length == 0 ? null : $"Released: {string.Join(", ", released)}.");
        return ValueTask.FromResult(ExitCode.Done);
    }

    private static KeptInfo[] Of(KernelMemory memory, uint[] released)
    {
        foreach (uint id in released)
        {
            memory.Release(id);
        }

        return [.. memory.ListKept().Select(KeptInfo.Of)];
    }

    private static KeptInfo[] OfFake(uint[] released) => released.Length == 0
        ? []
        : throw new GuestMemoryException(new GuestMemoryRefusal(
            GuestMemoryRefusalReason.NotMapped,
            $"There is no kept buffer {released[0]}: those are the kernel module's, on the real machine, and the fake one keeps "
            + "none."));

    private static void Draw(IPage page, KeptResult result)
    {
        if (result.Released.Count != 0)
        {
            page.Text($"Released: {string.Join(", ", result.Released)}.");
        }

        if (result.Kept.Count == 0)
        {
            page.Text("The kernel module keeps no buffer.");
            return;
        }

        page.Table(
            ["buffer", "size", "kept by", "program"],
            [.. result.Kept.Select(one => new[]
            {
                one.Id.ToString(CultureInfo.InvariantCulture),
                ByteSize.Describe(one.Size),
                string.Create(CultureInfo.InvariantCulture, $"{one.ProcessName} ({one.ProcessId})"),
                one.Open ? "has it" : "ended",
            })]);
    }
}

/// <summary>The answer of <c>kept</c> in JSON.</summary>
/// <param name="Kept">What the module keeps now.</param>
/// <param name="Released">What this run freed.</param>
internal sealed record KeptResult(IReadOnlyList<KeptInfo> Kept, IReadOnlyList<uint> Released);

/// <summary>A kept buffer, in JSON.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Size">Its length in bytes.</param>
/// <param name="ProcessId">The process that had it kept.</param>
/// <param name="ProcessName">That process's name.</param>
/// <param name="Open">Whether a program still has it.</param>
internal sealed record KeptInfo(uint Id, long Size, int ProcessId, string ProcessName, bool Open)
{
    public static KeptInfo Of(KeptBuffer buffer) =>
        new(buffer.Id, buffer.Length, buffer.ProcessId, buffer.ProcessName, buffer.IsOpen);
}
