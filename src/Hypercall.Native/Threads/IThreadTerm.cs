namespace Hypercall.Native;

/// <summary>What an <see cref="OwnThread"/> has to have before each call: a permission, a CPU.</summary>
internal interface IThreadTerm
{
    /// <summary>Sees to it, on that thread.</summary>
    /// <returns>Why it cannot be had; null when it is there.</returns>
    ChannelRefusal? Meet();

    /// <summary>Gives it back, on that thread, before the thread ends.</summary>
    void End();
}
