namespace Hypercall.Testing;

/// <summary>What became of a planned fault whose injection point came.</summary>
public enum FakeFaultOutcome
{
    /// <summary>It happened.</summary>
    Occurred,

    /// <summary>There is nothing that it could happen to: no such buffer, no such page, or it is so already.</summary>
    Missed,

    /// <summary>No real kernel, VMM or CPU would do it; <see cref="FakeFaultOccurrence.Rule"/> says why.</summary>
    Forbidden,
}
