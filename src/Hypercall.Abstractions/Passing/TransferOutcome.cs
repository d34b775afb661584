namespace Hypercall;

/// <summary>How a transfer ended.</summary>
public enum TransferOutcome
{
    /// <summary>All bytes are done.</summary>
    Completed,

    /// <summary>The function stopped part way, and did not call it a failure: a page may have been absent.</summary>
    Incomplete,

    /// <summary>The function failed, by its own rule.</summary>
    FunctionFailed,

    /// <summary>The answer proves that a VMM of another convention gave it.</summary>
    ForeignVmm,

    /// <summary>The CPU raised a fault on the instruction.</summary>
    Faulted,

    /// <summary>The channel itself refused a call: it was not executed.</summary>
    ChannelRefused,

    /// <summary>The memory is not fit for this technique, so it was not handed over (any further).</summary>
    Refused,

    /// <summary>A page moved while the VMM used its physical address: nothing of that call can be trusted.</summary>
    Moved,

    /// <summary>The transfer was cancelled between two calls.</summary>
    Canceled,
}
