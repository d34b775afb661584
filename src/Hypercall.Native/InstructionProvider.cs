using Hypercall.Native.Execution;
using Microsoft.Extensions.Logging;

namespace Hypercall.Native;

/// <summary>
/// A CPU vendor's hypercall instruction, executed by this process. CPUID's vendor string decides where it is used, never a
/// feature bit.
/// </summary>
/// <example>
/// A third vendor is one class and one extension method:
/// <code>
/// public sealed class ZhaoxinProvider() : InstructionProvider("Zhaoxin", new HypercallInstruction("VMCALL", [0x0F, 0x01, 0xC1]), "  Shanghai  ");
///
/// public static IHypercallBuilder AddZhaoxin(this IHypercallBuilder builder) =>
/// builder.AddNativeProvider&lt;ZhaoxinProvider&gt;();
/// </code>
/// </example>
public abstract class InstructionProvider : IHypercallProvider
{
    private readonly string[] _vendors;

    /// <summary>Describes the instruction.</summary>
    /// <param name="name">The provider's name.</param>
    /// <param name="instruction">The instruction.</param>
    /// <param name="vendors">CPUID's vendor strings of the CPUs that execute it, 12 characters each.</param>
    protected InstructionProvider(string name, HypercallInstruction instruction, params string[] vendors)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(instruction);
        ArgumentNullException.ThrowIfNull(vendors);
        Name = name;
        Instruction = instruction;
        _vendors = [.. vendors];
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc cref="IHypercallProvider.Instruction"/>
    public HypercallInstruction Instruction { get; }

    /// <inheritdoc/>
    HypercallInstruction? IHypercallProvider.Instruction => Instruction;

    /// <inheritdoc/>
    public virtual RegisterSet Carries => RegisterSet.All;

    /// <inheritdoc/>
    public virtual RegisterSet Returns => RegisterSet.All;

    /// <inheritdoc/>
    public virtual string? Advise(in CpuFault fault) => null;

    /// <inheritdoc/>
    public virtual HypercallProbe Probe(ICpuid cpuid) => HypercallProbe.ByVendor(CpuIdentity.Read(cpuid), _vendors);

    /// <inheritdoc/>
    /// <exception cref="ExecutableMemoryException">The system refuses executable memory.</exception>
    public IHypercallChannel Open(HypercallTarget target, ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(target);
        NativePlatform.Current.Demand();
        return new StubChannel(target, Instruction);
    }
}
