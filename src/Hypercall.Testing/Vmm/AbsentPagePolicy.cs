namespace Hypercall.Testing;

/// <summary>
/// What a VMM does at a page that its walk does not find, or finds without the permission that it needs. It has no way to wait
/// for the page.
/// </summary>
public enum AbsentPagePolicy
{
    /// <summary>It stops there, and reports how far it got.</summary>
    Stop,

    /// <summary>It looks at all pages first, and does nothing if one is not there.</summary>
    Fail,

    /// <summary>It injects #PF: the guest's kernel brings the page in, and the instruction runs again from its start.</summary>
    InjectPageFault,
}
