namespace Hypercall.BitVisor;

/// <summary>The VMM answered 0 to a look-up, each time it was asked.</summary>
public sealed class VmmFunctionNotFoundException : HypercallException
{
    /// <summary>Creates the error.</summary>
    /// <param name="name">The name that was looked up.</param>
    public VmmFunctionNotFoundException(string name)
        : base(Describe(name)) => Name = name;

    /// <summary>The name that was looked up.</summary>
    public string Name { get; }

    /// <summary>False: the name was looked up more than once already.</summary>
    public override bool IsTransient => false;

    internal static string Describe(string name) =>
        $"The VMM function '{name}' was not found: {BitVisorClient.LookupAttempts} look-ups gave 0. That means one of: the VMM has no function of this name (check the "
        + "spelling; names are case-sensitive, and a build may leave functions out); the page with the name was not present each time the VMM read it; "
        + "or the VMM ignores hypercalls (BitVisorClient.DetectPresence tells).";
}
