namespace Hypercall;

/// <summary>The CPUID instruction. Fake it to test any CPU on any machine.</summary>
public interface ICpuid
{
    /// <summary>Executes CPUID.</summary>
    /// <param name="leaf">EAX: the leaf.</param>
    /// <param name="subleaf">ECX: the sub-leaf, for leaves that have them.</param>
    /// <returns>The four registers. A leaf that the CPU does not have gives what the CPU gives for it, which is not always
    /// zeros.</returns>
    CpuidResult Query(uint leaf, uint subleaf = 0);
}
