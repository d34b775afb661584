namespace Hypercall.Testing;

/// <summary>A VMM that ignores hypercalls.</summary>
internal sealed class DeafPersonality() : FakeVmmPersonality(nameof(Deaf), HypercallConvention.BitVisor)
{
    public override IReadOnlyList<FakeVmmRule> Rules { get; } =
    [
        new("Every call completes, changes no register, and reaches no function.", FakeVmmRule.Assumed),
        new("CPUID's hypervisor bit is set, and there is no signature.", FakeVmmRule.Assumed),
    ];

    public override bool SetsHypervisorBit => true;

    internal override bool CanWatch => false;

    public override bool Admit(FakeExit vmExit, ref HypercallRegisters registers) => false;
}
