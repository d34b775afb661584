using Hypercall.Native.Execution;
using Microsoft.Extensions.Logging;

namespace Hypercall.Native.Tests;

/// <summary>A third vendor, whose hypercall instruction does nothing, on whatever CPU this is.</summary>
internal sealed class NopProvider : IHypercallProvider
{
    public string? Vendor { get; init; }

    public string Mnemonic { get; init; } = "NOP";

    public byte[] Encoding { get; init; } = TestTarget.Nop;

    public string Name { get; init; } = "Nop";

    public HypercallInstruction Instruction => new(Mnemonic, Encoding);

    public HypercallProbe Probe(ICpuid cpuid) => HypercallProbe.ByVendor(CpuIdentity.Read(cpuid), Vendor ?? CpuIdentity.Read(new NativeCpuid()).Vendor);

    public IHypercallChannel Open(HypercallTarget target, ILoggerFactory loggers) => new StubChannel(target);
}
