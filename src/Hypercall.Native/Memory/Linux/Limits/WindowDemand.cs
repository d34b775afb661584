using System.Buffers;
using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>How much memory it takes to make somebody else's pages resident.</summary>
internal static class WindowDemand
{
    private const int PiecePages = 4096;

    // Documentation/admin-guide/mm/pagemap.rst: 63 present, 61 of a file or shared, 56 mapped by nobody else.
    private const ulong Present = 1ul << 63;
    private const ulong OfFile = 1ul << 61;
    private const ulong Exclusive = 1ul << 56;

    /// <summary>Counts the pages that touching would have to find memory for.</summary>
    /// <param name="pages">The pages.</param>
    /// <param name="pageMap">The page map.</param>
    /// <returns>Their length in bytes; null where the kernel does not tell.</returns>
    public static long? Missing(PageSpan pages, PageMapReader pageMap)
    {
        long missing = 0;
        nuint at = pages.Start;
        foreach (ProcessMapping mapping in ProcessMapping.ReadWithFlags().TakeWhile(mapping => mapping.Start < pages.End))
        {
            PageSpan part = new(Math.Max(at, mapping.Start), Math.Min(mapping.End, pages.End));
            if (part.Start >= part.End)
            {
                continue;
            }

            // Pages of the pool left the memory when the pool was filled. Of shared memory, what another has touched is there.
            if ((mapping.IsOfPool ? 0 : mapping.IsShared ? Absent(part) : MissingOfPrivate(part, pageMap)) is not { } more)
            {
                return null;
            }

            missing += more;
            at = part.End;
        }

        return at < pages.End ? null : missing;
    }

    private static long? Absent(PageSpan part) => (long)part.Length - (LinuxMemory.CountPresent(part) * GuestPage.Size);

    private static long? MissingOfPrivate(PageSpan part, PageMapReader pageMap)
    {
        GuestPage[] piece = ArrayPool<GuestPage>.Shared.Rent(PiecePages);
        try
        {
            long missing = 0;
            for (nuint at = part.Start; at < part.End;)
            {
                Span<GuestPage> entries = piece.AsSpan(0, (int)Math.Min((part.End - at) / GuestPage.Size, PiecePages));
                if (pageMap.TryRead(new GuestVirtualAddress(at), entries) is not null)
                {
                    return null;
                }

                foreach (GuestPage page in entries)
                {
                    missing += IsOurs(page) ? 0 : GuestPage.Size;
                }

                at += (nuint)entries.Length * GuestPage.Size;
            }

            return missing;
        }
        finally
        {
            ArrayPool<GuestPage>.Shared.Return(piece);
        }
    }

    // A store into a private mapping copies a page of the file, the page of zeros, and what a fork left to two.
    private static bool IsOurs(GuestPage page) => (page.Entry & Present) != 0 && (page.Entry & (OfFile | Exclusive)) == Exclusive;
}
