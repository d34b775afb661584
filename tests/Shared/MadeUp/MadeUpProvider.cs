using Microsoft.Extensions.Logging;

namespace Hypercall.Tests;

/// <summary>A provider that is only named: by a fault, or in a choice. It opens nothing.</summary>
internal sealed class MadeUpProvider(string name, HypercallInstruction? instruction, params string[] vendors) : IHypercallProvider
{
    public string Name => name;

    public HypercallInstruction? Instruction => instruction;

    public HypercallProbe Probe(ICpuid cpuid) => HypercallProbe.ByVendor(CpuIdentity.Read(cpuid), vendors);

    public IHypercallChannel Open(HypercallTarget target, ILoggerFactory loggers) => throw new NotSupportedException();
}
