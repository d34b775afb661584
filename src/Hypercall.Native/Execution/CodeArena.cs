using Hypercall.Native.Interop;

namespace Hypercall.Native.Execution;

/// <summary>
/// A range of pages of machine code. A page is written once, then executable for ever: never writable again, never unmapped.
/// </summary>
/// <remarks>
/// The range is contiguous, and reserved at once, so that a signal handler recognizes an address in it by one subtraction, one
/// rotation and one comparison. All copies of the library in a runtime can share one.
/// </remarks>
internal sealed class CodeArena
{
    /// <summary>Of what stubs and handler pages look like: raise it when another copy could not use them any more.</summary>
    public const int Version = 1;

    private readonly CodePages _pages;
    private readonly string _holds;
    private readonly string _remedy;
    private readonly long[] _state; // where it starts, and how many pages are used; also the lock over both

    /// <summary>An arena of one's own.</summary>
    public CodeArena(CodePages pages, int capacity, string holds)
        : this(pages, capacity, holds, "", Reserve(pages, capacity))
    {
    }

    private CodeArena(CodePages pages, int capacity, string holds, string remedy, long[] state)
    {
        _pages = pages;
        _holds = holds;
        _remedy = remedy;
        _state = state;
        Capacity = capacity;
        Start = (nint)state[0];
    }

    public nint Start { get; }

    /// <summary>How many pages there are.</summary>
    public int Capacity { get; }

    /// <summary>The pages that hold code.</summary>
    public IEnumerable<nint> Used
    {
        get
        {
            int used;
            lock (_state)
            {
                used = (int)_state[1];
            }

            return Enumerable.Range(0, used).Select(PageAt);
        }
    }

    /// <summary>The arena of all copies of the library in this runtime.</summary>
    /// <param name="capacity">How many pages.</param>
    /// <param name="holds">What they are, in the plural; also its name.</param>
    /// <param name="remedy">What to do when they are used up.</param>
    public static CodeArena Shared(int capacity, string holds, string remedy)
    {
        long[] state = RuntimeShared.GetOrAdd(holds, Version, () => Reserve(CodePages.Current, capacity));
        return new CodeArena(CodePages.Current, capacity, holds, remedy, state);
    }

    /// <summary>Whether an address lies in it.</summary>
    public bool Contains(nint address) => (nuint)(address - Start) < (nuint)Capacity << StubLayout.SlotShift;

    /// <summary>Fills the next page and makes it executable.</summary>
    /// <param name="assemble">Gives at most one page of code for the address at which it will lie.</param>
    /// <exception cref="ExecutableMemoryException">All pages are used, or the system refuses.</exception>
    public nint Add(Func<nint, byte[]> assemble)
    {
        lock (_state)
        {
            if (_state[1] == Capacity)
            {
                throw new ExecutableMemoryException($"This process has used all {Capacity} of its {_holds}; they are never freed. {_remedy}".TrimEnd(), 0);
            }

            nint page = PageAt((int)_state[1]);
            _pages.Publish(page, assemble(page));
            _state[1]++; // not before: a page that failed was never executable, and the next attempt may take it
            return page;
        }
    }

    private static long[] Reserve(CodePages pages, int capacity) => [pages.Reserve((nuint)capacity << StubLayout.SlotShift), 0];

    private nint PageAt(int index) => Start + ((nint)index << StubLayout.SlotShift);
}
