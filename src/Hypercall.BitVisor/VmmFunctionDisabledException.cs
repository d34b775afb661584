namespace Hypercall.BitVisor;

/// <summary>The VMM has the function, and its configuration turns it off.</summary>
public sealed class VmmFunctionDisabledException : HypercallException
{
    /// <summary>Creates the error.</summary>
    /// <param name="name">The function.</param>
    /// <param name="setting">The setting that turns it on, such as <c>vmm.status</c>.</param>
    public VmmFunctionDisabledException(string name, string setting)
        : base($"The VMM has the function '{name}', but its configuration turns it off. Turn it on where the VMM is configured (BitVisor: {setting}=1), and boot it again.") => Name = name;

    /// <summary>The function.</summary>
    public string Name { get; }

    /// <summary>False: the VMM has to be configured, and booted again.</summary>
    public override bool IsTransient => false;
}
