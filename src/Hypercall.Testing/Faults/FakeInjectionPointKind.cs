namespace Hypercall.Testing;

/// <summary>The kinds of step of the fake machine's logical clock at which a planned fault can occur.</summary>
public enum FakeInjectionPointKind
{
    /// <summary>The guest is about to execute the instruction.</summary>
    BeforeEntry,

    /// <summary>The VMM is about to walk the guest's page table for one virtual page.</summary>
    BeforeWalk,

    /// <summary>The VMM is about to translate one guest-physical page of a range that it maps.</summary>
    BeforeMap,

    /// <summary>The VMM is about to read or write bytes of one page.</summary>
    BeforePage,

    /// <summary>The VMM is done, and about to enter the guest again.</summary>
    BeforeReturn,

    /// <summary>The guest has its registers back, and has not done anything yet.</summary>
    AfterReturn,

    /// <summary>
    /// The guest is about to ask its kernel for something: memory, a touch, a translation, a lock, the end of a buffer.
    /// </summary>
    GuestStep,
}
