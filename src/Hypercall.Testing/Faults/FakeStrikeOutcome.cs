namespace Hypercall.Testing;

/// <summary>What became of a planned fault whose moment came.</summary>
public enum FakeStrikeOutcome
{
    /// <summary>It happened.</summary>
    Struck,

    /// <summary>There is nothing that it could happen to: no such buffer, no such page, or it is so already.</summary>
    Missed,

    /// <summary>No real kernel, VMM or CPU would do it; <see cref="FakeStrike.Rule"/> says why.</summary>
    Forbidden,
}
