namespace Hypercall.Testing;

/// <summary>
/// What the fake machine watches for. Each of these ends the run: a machine on which it happened is not to be trusted.
/// </summary>
public enum FakeOracle
{
    /// <summary>The VMM was made to write to memory that it fakes as ROM, and panicked: the whole machine is down.</summary>
    VmmPanic,

    /// <summary>The VMM was made to write a byte that the guest did not hand over.</summary>
    WriteOutside,

    /// <summary>The VMM was given an address that was the guest's once: of a page that moved, was swapped out or freed.</summary>
    StaleFrame,

    /// <summary>The VMM was given an address of memory that belongs to somebody else.</summary>
    ForeignFrame,

    /// <summary>The program reported success, and the data did not arrive.</summary>
    DataLost,

    /// <summary>The program made more steps than the machine's budget: it tries for ever.</summary>
    Hang,
}
