namespace Hypercall.Testing;

/// <summary>A property does not want a case: see <see cref="VmmCheck.Discard"/>.</summary>
public sealed class VmmCheckDiscardException : Exception
{
    internal VmmCheckDiscardException()
        : base("The property does not want this case. Only VmmCheck and [VmmProperty] know what to do with that: call VmmCheck.Discard in a property that they run.")
    {
    }
}
