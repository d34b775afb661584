using System.Diagnostics.CodeAnalysis;

namespace Hypercall.Testing;

/// <summary>The memory that a buffer belongs to, as far as the buffer needs it.</summary>
internal interface IFakeBufferOwner
{
    /// <summary>The program writes to pages.</summary>
    /// <param name="buffer">The buffer.</param>
    /// <param name="first">Index of the first in its mapping.</param>
    /// <param name="count">How many.</param>
    void Touch(FakeGuestBuffer buffer, int first, int count);

    /// <summary>Asks where pages are.</summary>
    bool TryQueryPages(
        GuestVirtualAddress start, long length, [NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal);

    /// <summary>The buffer is gone.</summary>
    /// <param name="buffer">The buffer.</param>
    /// <param name="hold">What held its pages; null if nothing did.</param>
    void Release(FakeGuestBuffer buffer, FakeHold? hold);
}
