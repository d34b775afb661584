using System.Globalization;

namespace Hypercall;

/// <summary>A VMM answered, but in another ABI than it was called in.</summary>
public sealed class ForeignVmmException : HypercallException
{
    /// <summary>Creates the error.</summary>
    /// <param name="name">What was asked for, such as a name that was looked up.</param>
    /// <param name="rax">What the VMM left in RAX.</param>
    /// <param name="message">What was answered, why no VMM that speaks the ABI answers so, and what to do.</param>
    public ForeignVmmException(string name, ulong rax, string message)
        : base(message)
    {
        Name = name;
        Rax = rax;
    }

    internal ForeignVmmException(HypercallConvention convention, ulong number, ulong rax)
        : this(string.Create(CultureInfo.InvariantCulture, $"{convention} {number}"), rax, Describe(convention, number, rax))
    {
    }

    /// <summary>What was asked for: the name that was looked up, or the convention and the number that were called.</summary>
    public string Name { get; }

    /// <summary>What the VMM left in RAX.</summary>
    public ulong Rax { get; }

    /// <summary>False: it is another VMM.</summary>
    public override bool IsTransient => false;

    private static string Describe(HypercallConvention convention, ulong number, ulong rax) => string.Create(
        CultureInfo.InvariantCulture,
        $"A VMM answered call {number} of the convention '{convention}', but not in this convention: RAX = 0x{rax:x} ({(long)rax}), "
        + $"which no VMM that speaks it answers to this call. Speak this host's own convention (HypercallConvention), or run under a VMM that speaks '{convention}'.");
}
