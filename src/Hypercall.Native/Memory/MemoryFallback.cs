using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;

namespace Hypercall.Native;

/// <summary>Gets memory by the <see cref="FallbackPolicy"/>, and logs each step down.</summary>
internal static class MemoryFallback
{
    public static bool TryGet(
        long length,
        GuestBufferOptions options,
        ILogger logger,
        FallbackPolicy.Attempt attempt,
        [NotNullWhen(true)] out GuestBuffer? buffer,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        FallbackPolicy.TryGet(
            options,
            attempt,
            (residency, contiguity, reason, nextResidency, nextContiguity) =>
                GuestMemoryLog.MemoryFallback(logger, residency, contiguity, length, reason, nextResidency, nextContiguity),
            out buffer,
            out refusal);

    /// <summary>
    /// The same for memory that is there already: its hold is released when nothing comes of it, by an exception too.
    /// </summary>
    public static bool TryGet(
        NativeMemoryHold hold,
        long length,
        GuestBufferOptions options,
        ILogger logger,
        FallbackPolicy.Attempt attempt,
        [NotNullWhen(true)] out GuestBuffer? buffer,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        bool done = false;
        try
        {
            done = TryGet(length, options, logger, attempt, out buffer, out refusal);
            return done;
        }
        finally
        {
            if (!done)
            {
                hold.Release();
            }
        }
    }
}
