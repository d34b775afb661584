namespace Hypercall;

/// <summary>Memory could not be had, held or found as asked.</summary>
public sealed class GuestMemoryException : HypercallException
{
    /// <summary>Creates the error.</summary>
    /// <param name="refusal">Why.</param>
    public GuestMemoryException(GuestMemoryRefusal refusal)
        : base((refusal ?? throw new ArgumentNullException(nameof(refusal))).Message) => Refusal = refusal;

    /// <summary>Why, with the limit and the need.</summary>
    public GuestMemoryRefusal Refusal { get; }

    /// <inheritdoc cref="GuestMemoryRefusal.IsTransient"/>
    public override bool IsTransient => Refusal.IsTransient;
}
