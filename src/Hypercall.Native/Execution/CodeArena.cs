namespace Hypercall.Native.Execution;

/// <summary>A range of pages of machine code. A page is written once, then executable for ever: never writable again, never unmapped.</summary>
/// <remarks>
/// The range is contiguous, and reserved at once, so that a signal handler recognizes an address in it by one subtraction, one
/// rotation and one comparison.
/// </remarks>
internal sealed class CodeArena
{
    private readonly CodePages _pages;
    private readonly string _holds;
    private readonly Lock _gate = new();
    private int _used;

    public CodeArena(CodePages pages, int capacity, string holds)
    {
        _pages = pages;
        _holds = holds;
        Capacity = capacity;
        Start = pages.Reserve((nuint)capacity << StubLayout.SlotShift);
    }

    public nint Start { get; }

    /// <summary>How many pages there are.</summary>
    public int Capacity { get; }

    /// <summary>Fills the next page and makes it executable.</summary>
    /// <param name="assemble">Gives at most one page of code for the address at which it will lie.</param>
    /// <exception cref="ExecutableMemoryException">All pages are used, or the system refuses.</exception>
    public nint Add(Func<nint, byte[]> assemble)
    {
        lock (_gate)
        {
            if (_used == Capacity)
            {
                throw new ExecutableMemoryException(
                    $"This process has used all {Capacity} of its {_holds}; they are never freed. Use fewer different instruction encodings in one process.", 0);
            }

            nint page = Start + ((nint)_used << StubLayout.SlotShift);
            _pages.Publish(page, assemble(page));
            _used++; // not before: a page that failed was never executable, and the next attempt may take it
            return page;
        }
    }
}
