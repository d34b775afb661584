using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;

namespace Hypercall.Native;

/// <summary>Takes what is asked, or walks down from it where the caller allows.</summary>
/// <remarks>
/// The axes are given up one step at a time, and only the one that the refusal is about. A limit on locked memory gives up contiguity first: a huge page counts
/// whole against it, and pages that lie scattered are an inconvenience where pages that move are a danger.
/// </remarks>
internal static class MemoryFallback
{
    public delegate GuestBuffer? Attempt(Residency residency, Contiguity contiguity, out GuestMemoryRefusal? refusal);

    public static bool TryGet(
        long length,
        GuestBufferOptions options,
        ILogger logger,
        Attempt attempt,
        [NotNullWhen(true)] out GuestBuffer? buffer,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        Residency residency = options.Residency;
        Contiguity contiguity = options.Contiguity;
        while (true)
        {
            buffer = attempt(residency, contiguity, out refusal);
            if (buffer is not null)
            {
                return true;
            }

            refusal ??= new GuestMemoryRefusal(GuestMemoryRefusalReason.OutOfMemory, "No memory, and no reason given.");
            if (!options.AllowFallback || !StepDown(refusal.Reason, ref residency, ref contiguity))
            {
                return false;
            }

            GuestMemoryLog.MemoryFallback(logger, options.Residency, options.Contiguity, length, refusal.Reason);
        }
    }

    /// <summary>The same for memory that is there already: its hold is released when nothing comes of it, by an exception too.</summary>
    public static bool TryGet(
        NativeMemoryHold hold,
        long length,
        GuestBufferOptions options,
        ILogger logger,
        Attempt attempt,
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

    private static bool StepDown(GuestMemoryRefusalReason reason, ref Residency residency, ref Contiguity contiguity)
    {
        if (contiguity == Contiguity.Contiguous && reason is GuestMemoryRefusalReason.NotContiguous
            or GuestMemoryRefusalReason.FramesHidden or GuestMemoryRefusalReason.PageMapUnavailable or GuestMemoryRefusalReason.LockLimit
            or GuestMemoryRefusalReason.OutOfMemory or GuestMemoryRefusalReason.PlatformNotSupported)
        {
            contiguity = Contiguity.Any;
            return true;
        }

        if (residency != Residency.Touched && reason is GuestMemoryRefusalReason.LockLimit or GuestMemoryRefusalReason.PinningUnavailable
            or GuestMemoryRefusalReason.NoPrivilege or GuestMemoryRefusalReason.PlatformNotSupported)
        {
            residency--;
            return true;
        }

        return false;
    }
}
