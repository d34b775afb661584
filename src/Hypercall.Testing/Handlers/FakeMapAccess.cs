namespace Hypercall.Testing;

/// <summary>What a VMM wants to do with guest-physical memory that it maps.</summary>
public enum FakeMapAccess
{
    /// <summary>Read it.</summary>
    Read,

    /// <summary>Read and write it.</summary>
    Write,
}
