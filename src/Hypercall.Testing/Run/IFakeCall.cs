namespace Hypercall.Testing;

/// <summary>A call, as far as planned faults have to do with it.</summary>
internal interface IFakeCall
{
    /// <summary>The how-manieth call of the run.</summary>
    int Ordinal { get; }

    /// <summary>Whether a second virtual CPU makes it while the first one's is handled.</summary>
    bool IsNested { get; }

    /// <summary>Whether it turns a name into a number.</summary>
    bool IsLookup { get; }

    /// <summary>Whether the VMM may leave anything in some registers.</summary>
    bool MayClobber { get; }

    /// <summary>Whether the VMM hears of it; false for a leaf or a port that it does not watch.</summary>
    bool IsHeard { get; }

    /// <summary>
    /// Whether the guest has its registers back: the VMM may still look at memory that it keeps, but does nothing to the call any
    /// more.
    /// </summary>
    bool IsOver { get; }

    /// <summary>How the VMM ended the call against the function's will; null if it did not.</summary>
    FakeFault? Verdict { get; set; }

    /// <summary>Whether the registers that the function did not write are to come back with something else.</summary>
    bool Clobbers { get; set; }

    /// <summary>Counts a step of a kind, from 1; 0 for a kind that a call has only one of.</summary>
    int Count(FakeInjectionPointKind kind);

    /// <summary>A second virtual CPU calls the same function, with all arguments 0.</summary>
    void CallFromSecondCpu();
}
