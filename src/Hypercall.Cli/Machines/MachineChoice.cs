using Hypercall.Testing;

namespace Hypercall.Cli.Machines;

/// <summary>What the common options of a command say.</summary>
/// <param name="Vmm">The real VMM or a fake one.</param>
/// <param name="Personality">How the fake one behaves.</param>
/// <param name="Provider">The provider to use; null takes the one that can be used on this CPU.</param>
internal sealed record MachineChoice(VmmKind Vmm, FakeVmmPersonality Personality, string? Provider);
