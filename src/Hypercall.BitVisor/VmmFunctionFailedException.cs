namespace Hypercall.BitVisor;

/// <summary>A function of the VMM answered in a way that its client cannot use.</summary>
public sealed class VmmFunctionFailedException : HypercallException
{
    /// <summary>Creates the error.</summary>
    /// <param name="name">The function.</param>
    /// <param name="reason">What it answered, and what to do, in a sentence.</param>
    public VmmFunctionFailedException(string name, string reason)
        : base($"The VMM function '{name}' failed. {reason}") => Name = name;

    /// <summary>The function.</summary>
    public string Name { get; }

    /// <summary>False: the answer is one that its client does not know.</summary>
    public override bool IsTransient => false;
}
