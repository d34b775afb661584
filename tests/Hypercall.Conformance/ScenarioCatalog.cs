using Hypercall.Conformance.Scenarios;

namespace Hypercall.Conformance;

/// <summary>All scenarios, in the order in which they run.</summary>
internal static class ScenarioCatalog
{
    public static IReadOnlyList<Scenario> All { get; } =
    [
        .. NoVmmScenarios.All,
        .. ByInstruction(AbiScenarios.All),
        .. RegisterScenarios.All,
        .. TransferScenarios.All,
        .. ResidencyScenarios.All,
        .. AbsentPageScenarios.All,
        .. RefusalScenarios.All,
        .. RomScenarios.All,
        .. WalkScenarios.All,
        .. HoldScenarios.All,
        .. StatusScenarios.All,
        .. ShellScenarios.All,
        .. LogScenarios.All,
        .. ByInstruction(KernelScenarios.All),
        .. ByInstruction(ThreadScenarios.All),
        .. ByInstruction(StormScenarios.All),
        .. VmwarePortScenarios.All,
        .. XenPrivcmdScenarios.All,
    ];

    private static IEnumerable<Scenario> ByInstruction(IEnumerable<Scenario> scenarios) =>
        scenarios.Select(scenario => scenario with { Needs = scenario.Needs | Needs.Instruction });
}
