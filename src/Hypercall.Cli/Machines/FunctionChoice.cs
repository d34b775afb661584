using System.Globalization;
using Hypercall.BitVisor;
using Hypercall.Cli.CommandLine;

namespace Hypercall.Cli.Machines;

/// <summary>Which function of the VMM a command calls: one that has a name, or a number of a convention.</summary>
/// <param name="Name">The name to look up; null where the number is given.</param>
/// <param name="Convention">The convention; BitVisor's for a name.</param>
/// <param name="Number">The number; nothing for a name.</param>
/// <param name="Words">Its own arguments, in order.</param>
internal sealed record FunctionChoice(string? Name, HypercallConvention Convention, ulong Number, IReadOnlyList<ulong> Words)
{
    /// <summary>What CPUID makes doubtful. Nothing for a name: a VMM that finds names has shown what it is.</summary>
    public IReadOnlyList<string> WarningsIn(VmmSession session) =>
        Name is null ? HypervisorSignatures.WarningsOn(Convention, session.Cpu, session.Cpuid) : [];

    /// <summary>The function.</summary>
    /// <param name="session">The way to the VMM, which is asked for a name, and for nothing else.</param>
    /// <param name="layout">Which arguments hold memory; null for the convention's own layout.</param>
    /// <exception cref="VmmFunctionNotFoundException">The VMM does not know the name.</exception>
    /// <exception cref="UsageException">The chosen way does not carry the convention.</exception>
    public HypercallFunction Find(VmmSession session, TransferLayout? layout = null)
    {
        if (Name is null)
        {
            ThrowIfNoPort(session);
            return OfNumber(session, layout);
        }

        HypercallFunction found = session.Vmm.GetFunction(Name);
        return layout is null
            ? found
            : new HypercallFunction(session.Machine, found.Convention, found.Number, found.Name, layout);
    }

    // By a hypercall's instruction nobody would serve it: there DX holds flags.
    private void ThrowIfNoPort(VmmSession session)
    {
        if (Convention == HypercallConvention.VmwarePort && !WayTrial.IsPort(session.Target.Instruction))
        {
            throw new UsageException(
                $"The convention '{Convention}' goes by a port, and the way down is {session.Target.Way}. "
                + "Add --channel port, or as root --channel port,permission, which asks the kernel for the port. "
                + "VMware's VMCALL and VMMCALL take --convention vmware.");
        }
    }

    // Number, words and layout were looked at before: what is left is the channel.
    private HypercallFunction OfNumber(VmmSession session, TransferLayout? layout)
    {
        try
        {
            return new HypercallFunction(session.Machine, Convention, Number, layout: layout);
        }
        catch (ArgumentException e)
        {
            string message = e.Message.Replace($" (Parameter '{e.ParamName}')", "", StringComparison.Ordinal);
            throw new UsageException($"--channel {session.Target.ProviderName}: {message}");
        }
    }

    /// <summary>The name, or the convention and the number: <c>foo</c>, <c>Xen 17</c>.</summary>
    public override string ToString() => Name ?? string.Create(CultureInfo.InvariantCulture, $"{Convention} {Number}");
}
