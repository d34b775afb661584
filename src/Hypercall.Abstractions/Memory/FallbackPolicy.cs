using System.Diagnostics.CodeAnalysis;

namespace Hypercall;

/// <summary>
/// Takes what is asked, or walks down from it where the caller allows (<see cref="GuestBufferOptions.AllowFallback"/>): the same
/// on every machine.
/// </summary>
/// <remarks>
/// The axes are given up one step at a time, and only the one that the refusal is about. A limit on locked memory gives up
/// contiguity first: a huge page counts whole against it, and pages that lie scattered are an inconvenience where pages that move
/// are a danger.
/// </remarks>
internal static class FallbackPolicy
{
    public delegate GuestBuffer? Attempt(Residency residency, Contiguity contiguity, out GuestMemoryRefusal? refusal);

    /// <summary>Is told of each step down: what was refused and why, and what is tried next.</summary>
    public delegate void Step(
        Residency residency,
        Contiguity contiguity,
        GuestMemoryRefusalReason reason,
        Residency nextResidency,
        Contiguity nextContiguity);

    public static bool TryGet(
        GuestBufferOptions options,
        Attempt attempt,
        Step? told,
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
            (Residency Residency, Contiguity Contiguity) refused = (residency, contiguity);
            if (!options.AllowFallback || !StepDown(refusal.Reason, ref residency, ref contiguity))
            {
                return false;
            }

            told?.Invoke(refused.Residency, refused.Contiguity, refusal.Reason, residency, contiguity);
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
            or GuestMemoryRefusalReason.NoPrivilege or GuestMemoryRefusalReason.PlatformNotSupported or GuestMemoryRefusalReason.TooManyOpenFiles
            or GuestMemoryRefusalReason.SystemCallRefused)
        {
            residency--;
            return true;
        }

        return false;
    }
}
