using System.Runtime.InteropServices;
using Hypercall.Cli;

using CancellationTokenSource cancellation = new();
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
return (int)await CliApplication.RunAsync(args, CliHost.ForConsole(), cancellation.Token).ConfigureAwait(false);

void Cancel(PosixSignalContext context)
{
    // The first signal asks; a second one, while a VMM does not return, does what signals do.
    if (!cancellation.IsCancellationRequested)
    {
        context.Cancel = true;
        cancellation.Cancel();
    }
}
