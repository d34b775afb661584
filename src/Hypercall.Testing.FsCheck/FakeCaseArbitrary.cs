using FsCheck;

namespace Hypercall.Testing;

/// <summary>FsCheck's generator and shrinker of cases of a size, on a machine of which some settings are given.</summary>
public sealed class FakeCaseArbitrary : Arbitrary<FakeCase>
{
    private readonly Arbitrary<FakeCase> _cases;

    /// <summary>Makes it.</summary>
    /// <param name="size">How large the largest case may be, and what may happen in it.</param>
    /// <param name="machine">The machine as far as it is given: settings that differ from their defaults stay as they are, its
    /// plan too. Null for any machine.</param>
    public FakeCaseArbitrary(FakeCaseSize size, FakeMachineOptions? machine = null)
    {
        ArgumentNullException.ThrowIfNull(size);
        _cases = FakeArbitraries.CaseOf(size, machine ?? FakeMachineOptions.Plain);
    }

    /// <inheritdoc/>
    public override Gen<FakeCase> Generator => _cases.Generator;

    /// <inheritdoc/>
    public override IEnumerable<FakeCase> Shrinker(FakeCase value) => _cases.Shrinker(value);
}
