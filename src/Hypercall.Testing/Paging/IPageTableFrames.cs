namespace Hypercall.Testing;

/// <summary>The guest physical memory, as far as page tables need it.</summary>
internal interface IPageTableFrames
{
    /// <summary>The 512 entries of a frame that is RAM; null for a hole, and for what the guest sees as ROM.</summary>
    /// <param name="frame">The frame number.</param>
    ulong[]? FindTable(ulong frame);

    /// <summary>Takes a free frame for a new table.</summary>
    /// <param name="entries">Its 512 entries, all 0.</param>
    /// <returns>The frame number.</returns>
    ulong AllocateTable(out ulong[] entries);
}
