namespace Hypercall.Testing;

/// <summary>Who takes a step on the fake machine.</summary>
public enum FakeActor
{
    /// <summary>The program in the guest.</summary>
    Guest,

    /// <summary>The guest's kernel.</summary>
    Kernel,

    /// <summary>The VMM, or the CPU on its behalf.</summary>
    Vmm,
}
