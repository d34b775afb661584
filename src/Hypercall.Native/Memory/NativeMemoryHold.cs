namespace Hypercall.Native;

/// <summary>What keeps a buffer's pages: the mapping, its locks and its pins.</summary>
internal abstract class NativeMemoryHold
{
    /// <summary>Writes to each page without changing it.</summary>
    /// <returns>Why that did not work; null if it did.</returns>
    public abstract GuestMemoryRefusal? Touch();

    /// <summary>Gives back what was taken. Called once.</summary>
    public abstract void Release();
}
