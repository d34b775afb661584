using System.Globalization;

namespace Hypercall;

/// <summary>A VMM answered, but in another ABI than it was called in.</summary>
public sealed class ForeignVmmException : HypercallException
{
    /// <summary>Creates the error of a look-up by name.</summary>
    /// <param name="name">The name that was looked up.</param>
    /// <param name="rax">What the VMM left in RAX.</param>
    public ForeignVmmException(string name, ulong rax)
        : base(Describe(name, rax))
    {
        Name = name;
        Rax = rax;
    }

    internal ForeignVmmException(HypercallConvention convention, ulong number, ulong rax)
        : base(Describe(convention, number, rax))
    {
        Name = string.Create(CultureInfo.InvariantCulture, $"{convention} {number}");
        Rax = rax;
    }

    /// <summary>What was asked for: the name that was looked up, or the convention and the number that were called.</summary>
    public string Name { get; }

    /// <summary>What the VMM left in RAX.</summary>
    public ulong Rax { get; }

    internal static string Describe(string name, ulong rax)
    {
        string meaning = rax == ulong.MaxValue
            ? " -1 is EPERM: KVM answers so to every call from user mode, whatever its number."
            : "";
        return string.Create(CultureInfo.InvariantCulture,
            $"A VMM answered the look-up of '{name}', but not in this ABI: RAX = 0x{rax:x} ({(long)rax}), where a function number is 1 to 127 and 0 means not found.{meaning} "
            + $"This host's VMM does not call functions by name; speak its own convention (HypercallConvention), or run under a VMM that does.");
    }

    private static string Describe(HypercallConvention convention, ulong number, ulong rax) => string.Create(CultureInfo.InvariantCulture,
        $"A VMM answered call {number} of the convention '{convention}', but not in this convention: RAX = 0x{rax:x} ({(long)rax}), which no VMM that speaks it answers to this call. "
        + $"Speak this host's own convention (HypercallConvention), or run under a VMM that speaks '{convention}'.");
}
