namespace Hypercall.Testing;

/// <summary>What a VMM does when it copies by guest virtual address, and comes to a page that is absent, or that it may not write.</summary>
public enum AbsentPagePolicy
{
    /// <summary>It stops there, and says how far it got.</summary>
    Stop,

    /// <summary>It looks at all pages first, and copies nothing if one of them is absent.</summary>
    Fail,

    /// <summary>
    /// It injects #PF: the guest's kernel brings the page in, and the instruction runs again from its start; or, when the kernel cannot, the program gets the fault.
    /// </summary>
    InjectPageFault,
}
