using Microsoft.Extensions.Logging;

namespace Hypercall.Testing;

/// <summary>An instruction as the way down to a fake VMM.</summary>
internal sealed class FakeProvider(FakeMachine machine, FakeVendor vendor) : IHypercallProvider
{
    public FakeVendor Vendor => vendor;

    public string Name => vendor.Name;

    public HypercallInstruction Instruction => vendor.Instruction;

    public HypercallProbe Probe(ICpuid cpuid) => vendor.Probe(CpuIdentity.Read(cpuid));

    public IHypercallChannel Open(HypercallTarget target, ILoggerFactory loggers) => machine.OpenChannel(vendor.Instruction);
}
