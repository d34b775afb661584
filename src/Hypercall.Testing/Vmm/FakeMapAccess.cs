namespace Hypercall.Testing;

/// <summary>What a VMM maps guest-physical memory for.</summary>
public enum FakeMapAccess
{
    /// <summary>To read.</summary>
    Read,

    /// <summary>To read and to write.</summary>
    Write,
}
