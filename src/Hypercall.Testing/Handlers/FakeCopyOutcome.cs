namespace Hypercall.Testing;

/// <summary>How a VMM's copy by guest virtual address ended.</summary>
public enum FakeCopyOutcome
{
    /// <summary>All bytes are copied.</summary>
    Completed,

    /// <summary>A page was absent, or not writable: the copy ended before it.</summary>
    Stopped,

    /// <summary>#PF was injected: the handler must return at once. What it left in the registers is thrown away, and the instruction runs again from its start.</summary>
    Injected,
}
