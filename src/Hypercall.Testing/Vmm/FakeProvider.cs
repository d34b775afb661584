using Microsoft.Extensions.Logging;

namespace Hypercall.Testing;

/// <summary>A way down to a fake VMM: an instruction, or a device of the guest's kernel.</summary>
internal sealed class FakeProvider(
    FakeMachine machine, string name, HypercallInstruction? instruction, Func<CpuIdentity, HypercallProbe>? probe = null)
    : IHypercallProvider
{
    private const string Port = "port";
    private const string PortOut = "port-out";
    private const string Cpuid = "cpuid";
    private const string Kernel = "kernel";

    private readonly IHypercallProvider? _programs;

    /// <summary>Plays a provider of the program's own, whose instruction any CPU executes.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="programs">The provider: its name, its instruction, what it puts into a frame, and its advice.</param>
    private FakeProvider(FakeMachine machine, IHypercallProvider programs)
        : this(machine, programs.Name, programs.Instruction) => (_programs, Constants) = (programs, [.. programs.Constants]);

    public string Name => name;

    public HypercallInstruction? Instruction => instruction;

    public RegisterSet Carries => _programs?.Carries ?? RegisterSet.All;

    public RegisterSet Returns => _programs?.Returns ?? RegisterSet.All;

    public IReadOnlyList<KeyValuePair<RegisterField, ulong>> Constants { get; } = [];

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
            yield return new FakeProvider(machine, Port, FakeInstructions.In);
        }

        if (options.Ways.HasFlag(FakeWays.PortOut))
        {
            yield return new FakeProvider(machine, PortOut, FakeInstructions.Out);
        }

        if (options.Ways.HasFlag(FakeWays.Cpuid))
        {
            yield return new FakeProvider(machine, Cpuid, FakeInstructions.Cpuid);
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

    /// <summary>The ways of a program's own that a machine plays: those by CPUID, IN and OUT.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="programs">What the program registered.</param>
    public static IEnumerable<FakeProvider> Of(FakeMachine machine, IEnumerable<IHypercallProvider> programs) =>
        programs.Where(one => one.Instruction is { } own && FakeInstructions.KindOf(own) != FakeExitKind.Other)
            .Select(one => new FakeProvider(machine, one));

    public bool IsBy(HypercallInstruction other) => instruction?.Encoding.Span.SequenceEqual(other.Encoding.Span) == true;

    // CPUID, IN and OUT may be executed anywhere: without permission, #GP is their result.
    public HypercallProbe Probe(ICpuid cpuid) => probe is null ? HypercallProbe.Usable : probe(CpuIdentity.Read(cpuid));

    public IHypercallChannel Open(HypercallTarget target, ILoggerFactory loggers) => machine.Open(this, cpu: 0);

    public string? Advise(in CpuFault fault) => _programs?.Advise(in fault);
}
