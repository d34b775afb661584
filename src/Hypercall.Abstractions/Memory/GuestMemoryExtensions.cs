namespace Hypercall;

/// <summary>The throwing and the short forms of <see cref="IGuestMemory"/>.</summary>
public static class GuestMemoryExtensions
{
    /// <summary>Allocates zeroed, page-aligned memory outside the GC heap.</summary>
    /// <param name="memory">The guest's memory.</param>
    /// <param name="length">Length in bytes, 1 and more.</param>
    /// <param name="residency">What holds the pages.</param>
    /// <param name="contiguity">How the frames lie.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is not positive.</exception>
    /// <exception cref="GuestMemoryException">The machine cannot give what was asked; the message names the limit and its
    /// remedy.</exception>
    /// <exception cref="PlatformNotSupportedException">This operating system does not offer it at all.</exception>
    public static GuestBuffer Allocate(
        this IGuestMemory memory, long length, Residency residency = Residency.Pinned, Contiguity contiguity = Contiguity.Any) =>
        Allocate(memory, length, new GuestBufferOptions { Residency = residency, Contiguity = contiguity });

    /// <summary>Allocates zeroed, page-aligned memory outside the GC heap.</summary>
    /// <param name="memory">The guest's memory.</param>
    /// <param name="length">Length in bytes, 1 and more.</param>
    /// <param name="options">Residency and contiguity.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is not positive.</exception>
    /// <exception cref="GuestMemoryException">The machine cannot give what was asked; the message names the limit and its
    /// remedy.</exception>
    /// <exception cref="PlatformNotSupportedException">This operating system does not offer it at all.</exception>
    public static GuestBuffer Allocate(this IGuestMemory memory, long length, GuestBufferOptions options)
    {
        ArgumentNullException.ThrowIfNull(memory);
        return memory.TryAllocate(length, options, out GuestBuffer? buffer, out GuestMemoryRefusal? refusal)
            ? buffer
            : throw refusal.ToException();
    }

    /// <summary>Opens a window onto memory that exists already.</summary>
    /// <param name="memory">The guest's memory.</param>
    /// <param name="existing">The memory; an array must be pinned, best on the pinned object heap.</param>
    /// <param name="options">Residency and contiguity.</param>
    /// <exception cref="ArgumentException"><paramref name="existing"/> is empty.</exception>
    /// <exception cref="GuestMemoryException">The machine cannot give what was asked; the message names the limit and its
    /// remedy.</exception>
    /// <exception cref="PlatformNotSupportedException">This operating system does not offer it at all.</exception>
    public static GuestBuffer OpenWindow(this IGuestMemory memory, Memory<byte> existing, GuestBufferOptions options)
    {
        ArgumentNullException.ThrowIfNull(memory);
        return memory.TryOpenWindow(existing, options, out GuestBuffer? window, out GuestMemoryRefusal? refusal)
            ? window
            : throw refusal.ToException();
    }

    /// <summary>Opens a window onto unmanaged memory of this process.</summary>
    /// <param name="memory">The guest's memory.</param>
    /// <param name="start">Where it starts.</param>
    /// <param name="length">Its length in bytes, 1 and more.</param>
    /// <param name="options">Residency and contiguity.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty, wraps, or leaves the address space.</exception>
    /// <exception cref="GuestMemoryException">The machine cannot give what was asked; the message names the limit and its
    /// remedy.</exception>
    /// <exception cref="PlatformNotSupportedException">This operating system does not offer it at all.</exception>
    public static GuestBuffer OpenWindow(this IGuestMemory memory, GuestVirtualAddress start, long length, GuestBufferOptions options)
    {
        ArgumentNullException.ThrowIfNull(memory);
        return memory.TryOpenWindow(start, length, options, out GuestBuffer? window, out GuestMemoryRefusal? refusal)
            ? window
            : throw refusal.ToException();
    }

    /// <summary>Asks the kernel where the pages of a range are at this moment.</summary>
    /// <param name="memory">The guest's memory.</param>
    /// <param name="start">Where the range starts.</param>
    /// <param name="length">Its length in bytes, 1 and more.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty, wraps, or leaves the address space.</exception>
    /// <exception cref="GuestMemoryException">The kernel does not answer; the message says what is missing.</exception>
    /// <exception cref="PlatformNotSupportedException">This operating system does not offer it at all.</exception>
    public static GuestPageMap QueryPages(this IGuestMemory memory, GuestVirtualAddress start, long length)
    {
        ArgumentNullException.ThrowIfNull(memory);
        return memory.TryQueryPages(start, length, out GuestPageMap? pages, out GuestMemoryRefusal? refusal)
            ? pages
            : throw refusal.ToException();
    }
}
