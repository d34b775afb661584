using System.CommandLine;
using System.Text;
using Hypercall.BitVisor;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Machines;
using Hypercall.Cli.Output;

namespace Hypercall.Cli.Commands;

/// <summary>Prints the VMM's log as it comes.</summary>
internal sealed class LogCommand : CliCommand
{
    private const long Shortest = 4096;
    private const long Longest = 1 << 20;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Once = TimeSpan.FromSeconds(1);

    private readonly Option<bool> _follow = new("--follow", "-f") { Description = "Go on until Ctrl-C. Without: for a second." };
    private readonly SizeOption _size = new("--size", "Length of the ring that the VMM writes to, 4KiB to 1MiB", 64 << 10);

    public LogCommand()
        : base("log", "Print what the VMM logs from now on (its function log_set_buf).")
    {
        Options.Add(_follow);
        Options.Add(_size);
    }

    public override string Remarks =>
        "The VMM takes the ring from the guest's kernel alone, so the call goes through the kernel module (--channel "
        + "kernel-module, the default here), whose allow-list has to name it and the look-up. Only one program can have the log: "
        + "who sets it last. Ctrl-C "
        + "takes the ring back from the VMM; after SIGKILL it stays kept, and 'hypercall kept' lists it. Overwritten text is "
        + "told on standard error.";

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples { get; } =
    [
        ("hypercall log --follow", "what the VMM logs, until Ctrl-C"),
        ("hypercall log --json", "what it logs within a second, for a script"),
    ];

    protected override async ValueTask<ExitCode> RunAsync(Invocation invocation)
    {
        bool follows = invocation.Get(_follow);
        long size = invocation.Get(_size);
        if (size is < Shortest or > Longest)
        {
            throw new UsageException($"--size is {ByteSize.Describe(Shortest)} to {ByteSize.Describe(Longest)}.");
        }

        if (follows && invocation.Output.IsJson)
        {
            throw new UsageException("--json prints one document when the command is over, and --follow has no end of its own.");
        }

        using VmmSession session = invocation.OpenKernelSession();
        BitVisorClient vmm = session.Vmm;
        using GuestBuffer ring = session.AllocateKept(size);
        using VmmLog log = VmmLog.Start(vmm, ring);
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(invocation.CancellationToken);
        if (!follows)
        {
            end.CancelAfter(Once);
        }

        StringBuilder collected = new();
        bool isOverwritten = false;
        try
        {
            await foreach (VmmLogText text in log.FollowAsync(Interval, cancellationToken: end.Token).ConfigureAwait(false))
            {
                isOverwritten |= text.IsOverwritten;
                Tell(invocation, text, collected);
            }
        }
        catch (OperationCanceledException) when (!invocation.CancellationToken.IsCancellationRequested)
        {
            // The second is over.
        }

        if (invocation.Output.IsJson)
        {
            LogResult result = new(collected.ToString(), isOverwritten);
            invocation.Output.Report(result, CliJson.Readable.LogResult, _ => { });
        }

        return ExitCode.Done;
    }

    private static void Tell(Invocation invocation, VmmLogText text, StringBuilder collected)
    {
        if (text.IsOverwritten)
        {
            invocation.Output.Warn(
            [
                text.BytesLost is { } lost
                    ? $"{lost} bytes of the log were overwritten before they were read: --size gives the VMM more room."
                    : "The ring was full: text may be lost, and newer lines may stand before older ones: --size gives the VMM "
                        + "more room.",
            ]);
        }

        if (invocation.Output.IsJson)
        {
            _ = collected.Append(text.Text);
            return;
        }

        try
        {
            invocation.Host.Out.Write(Printable.Lines(text.Text));
            invocation.Host.Out.Flush();
        }
        catch (Exception e) when (OutputException.IsBrokenStream(e))
        {
            throw new OutputException(OutputException.StandardOutput, e);
        }
    }
}

/// <summary>The answer of <c>log</c> in JSON.</summary>
/// <param name="Text">What the VMM logged.</param>
/// <param name="Overwritten">Whether text may be missing.</param>
internal sealed record LogResult(string Text, bool Overwritten);
