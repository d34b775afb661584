namespace Hypercall.Testing;

/// <summary>The ways down that a program finds on a fake machine, and the one that its calls go by.</summary>
internal sealed class FakeTargets
{
    private readonly FakeMachine _machine;
    private readonly FakeProvider[] _own;
    private readonly bool _hasVendors;
    private readonly HypercallOptions? _options;

    /// <summary>Describes them.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="programs">What the program registered: ways by CPUID, IN or OUT are played as they are.</param>
    /// <param name="options">May name a way; null for the defaults.</param>
    public FakeTargets(FakeMachine machine, IEnumerable<IHypercallProvider> programs, HypercallOptions? options)
    {
        IHypercallProvider[] all = [.. programs];
        _machine = machine;
        _options = options;
        _own = [.. FakeProvider.Of(machine, all)];
        _hasVendors = all.Any(one => one.Instruction is { } its && FakeVendor.All.Any(vendor => vendor.Encodes(its)));
        Providers = _own.Length == 0
            ? machine.Providers
            : [.. machine.Providers.Where(one => !_own.Any(own => IsCalled(own, one.Name))), .. _own];
    }

    /// <summary>All ways: the program's, and those of the machine that have other names.</summary>
    public IReadOnlyList<IHypercallProvider> Providers { get; }

    /// <summary>Whether the program has ways that the machine has not by itself.</summary>
    public bool HasOwn => _own.Length != 0;

    /// <summary>
    /// The way that the options name. Without a name as on the real machine: the program's only one; the CPU decides between
    /// vendors' instructions alone.
    /// </summary>
    /// <exception cref="HypercallProviderException">None can be used, or more than one, or the named one is not
    /// there.</exception>
    public HypercallTarget Select() => !HasOwn ? _machine.SelectTarget(_options)
        : HypercallTarget.Select(
            _machine.Cpuid,
            _options?.Provider is null ? [.. _hasVendors ? _machine.Providers.Where(IsVendors) : [], .. _own] : Providers,
            _options);

    private static bool IsVendors(IHypercallProvider one) => FakeVendor.All.Any(vendor => IsCalled(one, vendor.Name));

    private static bool IsCalled(IHypercallProvider one, string name) =>
        one.Name.Equals(name, StringComparison.OrdinalIgnoreCase);
}
