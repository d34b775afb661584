namespace Hypercall.Testing;

/// <summary>How a ready handler answers in registers.</summary>
public enum FakeAnswer
{
    /// <summary>
    /// RAX = 0, RCX = bytes done, RDX = RCX with every bit turned over; or RAX = -1 for arguments that no program may give.
    /// <see cref="FakeHandlers.Rule"/> reads it.
    /// </summary>
    Status,

    /// <summary>RAX = bytes done, and 0 for arguments that no program may give; no other register is written.</summary>
    BytesInRax,
}
