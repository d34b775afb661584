namespace Hypercall;

/// <summary>The channel itself refused the call: nothing was executed, and no VMM heard of it.</summary>
public sealed class HypercallRefusedException : HypercallException
{
    /// <summary>Creates the error.</summary>
    /// <param name="refusal">Why.</param>
    public HypercallRefusedException(ChannelRefusal refusal)
        : base((refusal ?? throw new ArgumentNullException(nameof(refusal))).Message) => Refusal = refusal;

    /// <summary>Why.</summary>
    public ChannelRefusal Refusal { get; }

    /// <inheritdoc/>
    public override bool IsTransient => Refusal.IsTransient;
}
