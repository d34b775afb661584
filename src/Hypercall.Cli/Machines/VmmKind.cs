namespace Hypercall.Cli.Machines;

/// <summary>Which VMM a command speaks to.</summary>
internal enum VmmKind
{
    /// <summary>The one under this machine.</summary>
    Real,

    /// <summary>A fake one inside this process.</summary>
    Fake,
}
