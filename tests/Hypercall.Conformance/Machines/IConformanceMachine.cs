namespace Hypercall.Conformance;

/// <summary>A machine to run scenarios on, and what can be done to it.</summary>
internal interface IConformanceMachine : IDisposable
{
    /// <summary>For the report: what it is.</summary>
    string Description { get; }

    /// <summary>Its CPU, its VMM, its memory, as a program sees them.</summary>
    IHypercallMachine Hardware { get; }

    /// <summary>Where the words of a call by name are.</summary>
    HypercallConvention Convention => HypercallConvention.BitVisor;

    /// <summary>Why the machine has not what is needed; null when it has.</summary>
    /// <param name="need">One flag.</param>
    string? WhyNot(Needs need);

    /// <summary>Makes a page absent; its content may be lost.</summary>
    /// <param name="buffer">Touched memory: no other lets go of a page.</param>
    /// <param name="page">Which of its pages.</param>
    void MigratePage(GuestBuffer buffer, int page);

    /// <summary>Swaps a page out, with its content.</summary>
    /// <param name="buffer">Touched memory.</param>
    /// <param name="page">Which of its pages.</param>
    void SwapOut(GuestBuffer buffer, int page);

    /// <summary>Makes a page read-only, for the program and whoever walks its page table.</summary>
    /// <param name="buffer">The buffer.</param>
    /// <param name="page">Which of its pages.</param>
    /// <param name="readOnly">Or writable again.</param>
    void Protect(GuestBuffer buffer, int page, bool readOnly);

    /// <summary>Moves as many pages of a buffer as the machine lets itself be made to; other memory moves, too.</summary>
    /// <param name="buffer">The buffer.</param>
    void Compact(GuestBuffer buffer);

    /// <summary>Prepares memory so that what is allocated meanwhile is likely to be moved by <see cref="Compact"/>.</summary>
    /// <param name="bytes">How much at most.</param>
    IDisposable Fragment(long bytes);

    /// <summary>
    /// Says, before anything else is done, that the scenario has the VMM read memory that is not the program's, on purpose.
    /// </summary>
    void AllowStrayReads();

    /// <summary>A channel with the other vendor's instruction.</summary>
    IHypercallChannel OpenOtherInstruction();
}
