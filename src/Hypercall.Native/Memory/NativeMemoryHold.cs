namespace Hypercall.Native;

/// <summary>What keeps a buffer's pages: the mapping, its locks and its pins.</summary>
internal abstract class NativeMemoryHold
{
    /// <summary>What the memory is kept out of.</summary>
    public virtual ExcludedCopies ExcludedFrom => ExcludedCopies.None;

    /// <summary>Writes to each page without changing it.</summary>
    /// <returns>Why that did not work; null if it did.</returns>
    public abstract GuestMemoryRefusal? Touch();

    /// <summary>Writes to the pages of a part, without changing them.</summary>
    /// <param name="first">Its first byte.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <returns>Why it cannot; null when it did.</returns>
    public abstract GuestMemoryRefusal? Touch(GuestVirtualAddress first, long length);

    /// <summary>Gives back what was taken. Called once.</summary>
    public abstract void Release();
}
