using Hypercall.Testing;

namespace Hypercall.Cli.Machines;

/// <summary>The fake machines of the tool: every way down is there.</summary>
internal static class FakeMachines
{
    public static FakeMachine Create(FakeVmmPersonality personality) => new(new FakeMachineOptions
    {
        Personality = personality,
        Ways = FakeWays.Instruction | FakeWays.Port | FakeWays.Kernel,
    });

    /// <summary>What their ways are called.</summary>
    public static IEnumerable<string> WayNames => Create(FakeVmmPersonality.None).Providers.Select(way => way.Name);
}
