namespace Hypercall;

/// <summary>What a program may say about how hypercalls are made.</summary>
public sealed class HypercallOptions
{
    /// <summary>
    /// The name of the provider to use, such as <c>Intel</c>, in any case. Null, the default, takes the one that can be used on
    /// this CPU. It must be registered.
    /// </summary>
    public string? Provider { get; set; }

    /// <summary>
    /// Whether to try the other registered instruction, once, when the first one raises #UD, #GP, or a #PF on its own bytes; the
    /// one that completes is remembered. The default is false: a wrong instruction is an error that says so.
    /// </summary>
    public bool TryOtherInstruction { get; set; }
}
