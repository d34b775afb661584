using System.Globalization;

namespace Hypercall.BitVisor;

/// <summary>A VMM answered a look-up, but not in the ABI that calls functions by name.</summary>
public sealed class ForeignVmmException : HypercallException
{
    /// <summary>Creates the error.</summary>
    /// <param name="name">The name that was looked up.</param>
    /// <param name="rax">What the VMM left in RAX.</param>
    public ForeignVmmException(string name, ulong rax)
        : base(Describe(name, rax))
    {
        Name = name;
        Rax = rax;
    }

    /// <summary>The name that was looked up.</summary>
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
}
