namespace Hypercall.Testing;

/// <summary>How a copy from or to guest virtual memory ended.</summary>
public enum FakeCopyOutcome
{
    /// <summary>All bytes were copied.</summary>
    Completed,

    /// <summary>A page was absent or not writable, and the copy ended there.</summary>
    Stopped,

    /// <summary>
    /// A #PF is injected. The handler must return at once: its registers do not count, and the instruction runs again.
    /// </summary>
    Injected,
}
