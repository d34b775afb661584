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
        GuestPage[] piece = ArrayPool<GuestPage>.Shared.Rent(PiecePages);
        try
        {
            long missing = 0;
            nuint at = pages.Start;
            foreach (ProcessMapping mapping in ProcessMapping.Read().TakeWhile(mapping => mapping.Start < pages.End))
            {
                for (nuint end = Math.Min(mapping.End, pages.End); at < end;)
                {
                    at = Math.Max(at, mapping.Start);
                    Span<GuestPage> entries = piece.AsSpan(0, (int)Math.Min((end - at) / GuestPage.Size, PiecePages));
                    if (pageMap.TryRead(new GuestVirtualAddress(at), entries) is not null)
                    {
                        return null;
                    }

                    foreach (GuestPage page in entries)
                    {
                        missing += IsOurs(page, mapping) ? 0 : GuestPage.Size;
                    }

                    at += (nuint)entries.Length * GuestPage.Size;
                }
            }

            return at < pages.End ? null : missing;
        }
        finally
        {
            ArrayPool<GuestPage>.Shared.Return(piece);
        }
    }

    // A store into a private mapping copies a page of the file, the page of zeros, and what a fork left to two.
    private static bool IsOurs(GuestPage page, ProcessMapping mapping) =>
        (page.Entry & Present) != 0 && (mapping.IsShared || (page.Entry & (OfFile | Exclusive)) == Exclusive);
}
