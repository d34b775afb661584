namespace Hypercall.Conformance;

/// <summary>
/// What a function of the rig that walks the page table does at a page that is absent, or read-only where it is to write: bits 4
/// and 5 of RDX.
/// </summary>
internal enum AbsentPage
{
    Stop = 0,
    Inject = 1,
    FailAtOnce = 2,
}
