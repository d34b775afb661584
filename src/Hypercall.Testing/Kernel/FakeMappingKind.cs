namespace Hypercall.Testing;

/// <summary>Where the pages of a mapping come from, which decides what its kernel may do to them.</summary>
internal enum FakeMappingKind
{
    /// <summary>
    /// The process's own memory, as malloc gives it: scattered, swapped and moved at the kernel's will, unless something holds
    /// it.
    /// </summary>
    Process,

    /// <summary>
    /// Memory of the kernel that a driver shares with the process, as kmalloc gives it: contiguous, never swapped, never moved.
    /// </summary>
    Kernel,

    /// <summary>Guest-physical addresses that the process mapped as they are, as through /dev/mem: a ROM-faked region.</summary>
    Device,
}
