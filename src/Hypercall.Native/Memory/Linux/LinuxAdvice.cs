using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>What madvise is asked for and does not owe: memory without it is good memory, which lacks something.</summary>
internal static class LinuxAdvice
{
    private const int NoAdvice = 0x7FFF; // no kernel knows it: linux/mman.h

    // Asked once: who answers 0 to any advice at all takes none.
    private static readonly Lazy<int> Refusal = new(static () =>
    {
        nuint page = LinuxMemory.Map(GuestPage.Size, Libc.MapPrivate | Libc.MapAnonymous);
        if (page == 0)
        {
            return 0;
        }

        int error = LinuxMemory.Advise(page, GuestPage.Size, NoAdvice);
        LinuxMemory.Unmap(page, GuestPage.Size);
        return error == 0 ? Errno.NotDone : 0;
    });

    /// <summary>Keeps a fresh mapping out of core dumps and forked children, as far as the kernel does that.</summary>
    /// <param name="mapping">The mapping.</param>
    /// <param name="failure">The last advice that was not taken, if any.</param>
    /// <returns>What it is kept out of.</returns>
    public static ExcludedCopies Exclude(PageSpan mapping, out PinFailure failure)
    {
        failure = default;
        return Give(mapping, Libc.AdviseDontDump, "madvise(MADV_DONTDUMP)", ExcludedCopies.CoreDumps, ref failure)
            | Give(mapping, Libc.AdviseDontFork, "madvise(MADV_DONTFORK)", ExcludedCopies.ForkedChildren, ref failure);
    }

    private static ExcludedCopies Give(PageSpan mapping, int advice, string call, ExcludedCopies excluded, ref PinFailure failure)
    {
        int error = Refusal.Value != 0 ? Refusal.Value : LinuxMemory.Advise(mapping.Start, mapping.Length, advice);
        failure = error == 0 ? failure : new PinFailure(call, error);
        return error == 0 ? excluded : ExcludedCopies.None;
    }
}
