namespace Hypercall.Testing;

/// <summary>What the machine keeps of one call while the VMM handles it.</summary>
internal sealed class FakeCallState(int number, in HypercallRegisters entry, int cpl, bool isNested = false)
{
    private int _walks;
    private int _maps;
    private int _pages;

    /// <summary>The how-manieth call of the run.</summary>
    public int Number => number;

    /// <summary>Whether a second virtual CPU makes it while the first one's is handled.</summary>
    public bool IsNested => isNested;

    /// <summary>The registers that the guest came with.</summary>
    public HypercallRegisters Entry { get; } = entry;

    /// <summary>The privilege level of the caller.</summary>
    public int Cpl => cpl;

    /// <summary>Whether it is a call of function 0, which turns a name into a number.</summary>
    public bool IsLookup => Entry.Rax == 0;

    /// <summary>Whether the guest has its registers back: the VMM may still look at memory that it keeps, but does nothing to the call any more.</summary>
    public bool IsOver { get; set; }

    /// <summary>How the VMM ended the call against the function's will; null if it did not.</summary>
    public FakeFault? Verdict { get; set; }

    /// <summary>Which registers the function wrote by their own properties: one bit for each <see cref="GeneralRegister"/>.</summary>
    public uint Written { get; set; }

    /// <summary>Whether the registers that the function did not write are to come back with something else.</summary>
    public bool Clobbers { get; set; }

    /// <summary>The address whose page the VMM found absent and let the guest bring in; null if there is none.</summary>
    public (ulong Address, PageFaultErrorCode ErrorCode)? Injected { get; set; }

    /// <summary>Counts a step of a kind, from 1; 0 for a kind that a call has only one of.</summary>
    public int Count(FakeInjectionPointKind kind) => kind switch
    {
        FakeInjectionPointKind.BeforeWalk => ++_walks,
        FakeInjectionPointKind.BeforeMap => ++_maps,
        FakeInjectionPointKind.BeforePage => ++_pages,
        _ => 0,
    };
}
