namespace Hypercall.Testing;

/// <summary>How many levels the fake guest's page table has.</summary>
public enum FakePaging
{
    /// <summary>Four: 48 bits of virtual address. Intel SDM vol. 3A, section 4.5; AMD APM vol. 2, section 5.3.</summary>
    FourLevel = 4,

    /// <summary>Five: 57 bits of virtual address, with CR4.LA57. The same sections.</summary>
    FiveLevel = 5,
}
