using Hypercall.Cli.Output;
using Hypercall.Cli.Terminal;
using Spectre.Console;

namespace Hypercall.Cli.Sending;

/// <summary>How far a transfer got, for a person at a terminal; nothing for anybody else.</summary>
internal static class ProgressBar
{
    /// <summary>Runs a transfer, and draws how far it is on standard error meanwhile.</summary>
    /// <param name="host">The terminal.</param>
    /// <param name="output">Says whether the reader is a program.</param>
    /// <param name="title">What is shown beside the bar.</param>
    /// <param name="length">All bytes.</param>
    /// <param name="transfer">Does it; is given somebody to tell the bytes done to, or null.</param>
    public static TransferResult Show(CliHost host, CliOutput output, string title, long length, Func<IProgress<long>?, TransferResult> transfer)
    {
        if (!host.ErrorIsTerminal || output.IsJson)
        {
            return transfer(null);
        }

        return TerminalText.On(host.Error).Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new DownloadedColumn(), new TransferSpeedColumn())
            .Start(context => transfer(new Bar(context.AddTask(Markup.Escape(Printable.Line(title)), maxValue: length))));
    }

    /// <summary>Told on the thread of the transfer: <see cref="Progress{T}"/> would tell it later, and out of order.</summary>
    private sealed class Bar(ProgressTask task) : IProgress<long>
    {
        public void Report(long value) => task.Value = value;
    }
}
