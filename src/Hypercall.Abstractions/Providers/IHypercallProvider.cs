namespace Hypercall;

/// <summary>
/// What a CPU vendor adds: which CPUs it serves, and their instruction. A third vendor is one class like this and one
/// extension method that registers it.
/// </summary>
public interface IHypercallProvider
{
    /// <summary>The provider's name for people, such as <c>Intel</c>.</summary>
    string Name { get; }

    /// <summary>The instruction that CPUs of this vendor execute.</summary>
    HypercallInstruction Instruction { get; }

    /// <summary>Whether this provider's instruction is the right one for a CPU. Decide by <see cref="CpuIdentity.Vendor"/>, never by a feature bit.</summary>
    /// <param name="cpu">The CPU.</param>
    bool Serves(CpuIdentity cpu);
}
