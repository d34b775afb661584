using System.Diagnostics.CodeAnalysis;

namespace Hypercall.Cli.Memory;

/// <summary>A machine whose memory can be looked at, and stirred.</summary>
internal interface IMemoryLab
{
    /// <summary>Touched and locked memory.</summary>
    IGuestMemory Memory { get; }

    /// <summary>Pins memory, and says what did it: <c>io_uring</c>, <c>ramfs</c> or <c>fake</c>.</summary>
    bool TryPin(
        long length,
        [NotNullWhen(true)] out GuestBuffer? buffer,
        [NotNullWhen(true)] out string? mechanism,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal);

    /// <summary>Why memory cannot be compacted here; null when it can.</summary>
    GuestMemoryRefusal? CannotCompact { get; }

    /// <summary>
    /// Makes holes in physical memory, so that compaction has something to do. Bounded in memory and time; disposing it gives all
    /// back.
    /// </summary>
    IDisposable Fragment(CancellationToken cancellationToken);

    /// <summary>Has the machine compact its memory.</summary>
    /// <param name="buffers">Those to be looked at afterwards.</param>
    /// <exception cref="GuestMemoryException">It refused.</exception>
    void Compact(IEnumerable<GuestBuffer> buffers);
}
