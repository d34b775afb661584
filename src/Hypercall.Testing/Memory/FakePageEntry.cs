namespace Hypercall.Testing;

/// <summary>
/// A page table entry of the fake guest: that of a pagemap, and one bit more.
/// </summary>
/// <remarks>
/// <code>
///   63        62       61       60 ... 55   54 ............ 0
/// [present][swapped][absent now][ unused ][ frame number (GFN) ]
/// </code>
/// A page that is absent now keeps its other bits: that is what it is when the moment is over.
/// </remarks>
internal static class FakePageEntry
{
    public const ulong AbsentNow = 1ul << 61;

    private const ulong Present = 1ul << 63;
    private const ulong Swapped = 1ul << 62;
    private const ulong FrameMask = (1ul << 55) - 1;

    public static ulong InFrame(ulong frame) => Present | frame;

    public static ulong SwappedOut => Swapped;

    public static bool IsInFrame(ulong entry) => (entry & Present) != 0;

    /// <summary>Whether a walk finds the page.</summary>
    public static bool IsVisible(ulong entry) => (entry & (Present | AbsentNow)) == Present;

    public static ulong Frame(ulong entry) => entry & FrameMask;
}
