using System.CommandLine;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Machines;
using Hypercall.Cli.Output;
using Hypercall.Testing;

namespace Hypercall.Cli.Commands;

/// <summary>One run of a command: what was asked for, and where the answer goes.</summary>
internal sealed class Invocation(
    ParseResult parse, MachineChoice machine, CliOutput output, CliHost host, CancellationToken cancellationToken)
{
    public MachineChoice Machine { get; } = machine;

    public CliOutput Output { get; } = output;

    public CliHost Host { get; } = host;

    public CancellationToken CancellationToken { get; } = cancellationToken;

    public T? Get<T>(Option<T> option) => parse.GetValue(option);

    public T? Get<T>(ChoiceOption<T> option) => Has(option) ? parse.GetValue(option) : option.Default;

    public long Get(SizeOption option) => Has(option) ? parse.GetValue(option) : option.Default;

    public T? Get<T>(Argument<T> argument) => parse.GetValue(argument);

    /// <summary>Whether the user gave the option, rather than its default.</summary>
    public bool Has(Option option) => parse.GetResult(option) is { Implicit: false };

    /// <summary>The way to the VMM. Dispose it.</summary>
    /// <param name="script">Tells a fake VMM its functions; null for those of <see cref="FakeFunctions"/>.</param>
    public VmmSession OpenSession(Action<FakeMachine>? script = null)
    {
        CancellationToken.ThrowIfCancellationRequested();
        return VmmSession.Open(Machine, Host, script);
    }

    /// <summary>The way to the VMM for a call that it serves to the guest's kernel alone. Dispose it.</summary>
    /// <exception cref="UsageException">Another way was asked for.</exception>
    public VmmSession OpenKernelSession()
    {
        string kernel = Machine.Vmm == VmmKind.Fake ? FakeMachines.Kernel : RealWays.KernelModule;
        if (Machine.Provider is { } other && other != kernel)
        {
            throw new UsageException($"--channel {other}: the VMM serves this to the guest's kernel alone; that is --channel "
                + $"{kernel}.");
        }

        CancellationToken.ThrowIfCancellationRequested();
        return VmmSession.Open(Machine with { Provider = kernel }, Host, FakeFunctions.RegisterWithLog);
    }
}
