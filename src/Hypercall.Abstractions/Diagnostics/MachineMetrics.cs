namespace Hypercall;

/// <summary>What a meter knows of one machine.</summary>
/// <param name="name">The value of the tag <c>hypercall.machine</c>; null for a machine without a name.</param>
internal sealed class MachineMetrics(string? name)
{
    /// <summary>The value of the tag <c>hypercall.machine</c>; null for a machine without a name.</summary>
    public string? Name => name;

    /// <summary>Its calls in flight.</summary>
    public CallsInFlight InFlight { get; } = new();
}
