using Microsoft.Extensions.Logging;

namespace Hypercall.Testing;

/// <summary>A way down to a fake VMM: an instruction, or a device of the guest's kernel.</summary>
internal sealed class FakeProvider(
    FakeMachine machine, string name, HypercallInstruction? instruction, Func<CpuIdentity, HypercallProbe>? probe = null)
    : IHypercallProvider
{
    private const string Port = "port";
    private const string Kernel = "kernel";

    public static HypercallInstruction PortInstruction { get; } = new("IN", [0xED]); // IN EAX, DX: Intel SDM vol. 2A, IN

    public string Name => name;

    public HypercallInstruction? Instruction => instruction;

    /// <summary>The ways of a machine.</summary>
    public static IEnumerable<FakeProvider> Of(FakeMachine machine, FakeMachineOptions options)
    {
        if (options.Ways.HasFlag(FakeWays.Instruction))
        {
            foreach (FakeVendor vendor in FakeVendor.All)
            {
                yield return new FakeProvider(machine, vendor.Name, vendor.Instruction, vendor.Probe);
            }
        }

        if (options.Ways.HasFlag(FakeWays.Port))
        {
            yield return new FakeProvider(machine, Port, PortInstruction);
        }

        if (options.Ways.HasFlag(FakeWays.Kernel))
        {
            HypercallProbe probe = options.IsRoot
                ? HypercallProbe.Usable
                : HypercallProbe.Lacks(
                    "root",
                    "only root may open the device of the guest's kernel, and this program is not root",
                    "Run it as root.");
            yield return new FakeProvider(machine, Kernel, instruction: null, _ => probe);
        }
    }

    public bool IsBy(HypercallInstruction other) => instruction?.Encoding.Span.SequenceEqual(other.Encoding.Span) == true;

    // IN may be executed anywhere: without permission, #GP is its result.
    public HypercallProbe Probe(ICpuid cpuid) => probe is null ? HypercallProbe.Usable : probe(CpuIdentity.Read(cpuid));

    public IHypercallChannel Open(HypercallTarget target, ILoggerFactory loggers) =>
        instruction is null ? machine.OpenKernelChannel() : machine.OpenChannel(instruction);
}
