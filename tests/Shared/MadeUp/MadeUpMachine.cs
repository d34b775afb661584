namespace Hypercall.Tests;

/// <summary>A machine of parts that a test chose.</summary>
internal sealed class MadeUpMachine(IHypercallChannel channel, IGuestMemory memory) : IHypercallMachine
{
    public ICpuid Cpuid => throw new NotSupportedException();

    public HypercallTarget Target => throw new NotSupportedException();

    public IHypercallChannel Channel => channel;

    public IGuestMemory Memory => memory;
}
