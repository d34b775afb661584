namespace Hypercall.Testing;

/// <summary>What happens to the memory of a buffer that is disposed.</summary>
internal enum FakeBufferKind
{
    /// <summary>The fake allocated it: zeroed and unmapped.</summary>
    Allocation,

    /// <summary>It is an array of the program: untouched, and out of the VMM's sight with the last window.</summary>
    ArrayWindow,

    /// <summary>It is part of another buffer: nothing.</summary>
    AddressWindow,
}
