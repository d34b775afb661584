using FsCheck;

namespace Hypercall.Testing;

/// <summary>
/// FsCheck's generators and shrinkers of machines, plans of faults, buffers, calls and whole cases: <c>[Property(Arbitrary =
/// [typeof(FakeArbitraries)])]</c>, or <c>ArbMap.Default.Merge(typeof(FakeArbitraries))</c>. They are those of
/// <see cref="FakeCase"/>; FsCheck gives the seed, and the size in percent.
/// </summary>
/// <remarks>
/// There is none of <see cref="FakeMachine"/>: a machine keeps what happened to it, and FsCheck may try a value more than once.
/// Make it in the property, <c>new FakeMachine(options)</c>; [VmmProperty] does.
/// </remarks>
public static class FakeArbitraries
{
    /// <summary>Cases of the default size: a machine, its plan, buffers and calls that fit together.</summary>
    public static Arbitrary<FakeCase> Case() => CaseOf(FakeCaseSize.Default, FakeMachineOptions.Plain);

    /// <summary>Machines with a plan.</summary>
    public static Arbitrary<FakeMachineOptions> Machine() => Of(generator => generator.Machine(), FakeCaseShrinker.Shrink);

    /// <summary>Plans of faults.</summary>
    public static Arbitrary<FaultPlan> Plan() => Of(generator => generator.Plan(), FakeCaseShrinker.Shrink);

    /// <summary>Faults with their injection points.</summary>
    public static Arbitrary<PlannedFault> PlannedFault() => Of(generator => generator.Planned(), FakeCaseShrinker.Shrink);

    /// <summary>Faults.</summary>
    public static Arbitrary<FakeFault> Fault() => Of(generator => generator.Planned().Fault, FakeCaseShrinker.Shrink);

    /// <summary>InjectionPoints.</summary>
    public static Arbitrary<FakeInjectionPoint> InjectionPoint() => Of(generator => generator.Planned().InjectionPoint, FakeCaseShrinker.Shrink);

    /// <summary>Targets of faults.</summary>
    public static Arbitrary<FakeTarget> Target() => Of(generator => generator.Target(), FakeCaseShrinker.Shrink);

    /// <summary>Buffers.</summary>
    public static Arbitrary<FakeBufferShape> Buffer() => Of(generator => generator.Buffer(), FakeCaseShrinker.Shrink);

    /// <summary>Calls, of one of a few buffers.</summary>
    public static Arbitrary<FakeCallShape> Call() => Of(generator => generator.Call(), FakeCaseShrinker.Shrink);

    internal static Arbitrary<FakeCase> CaseOf(FakeCaseSize size, FakeMachineOptions given) =>
        new FakeArbitrary<FakeCase>(size, given, generator => generator.Case(), one => one.Shrink(given));

    private static FakeArbitrary<T> Of<T>(Func<FakeCaseGenerator, T> generate, Func<T, IEnumerable<T>> shrink) =>
        new(FakeCaseSize.Default, FakeMachineOptions.Plain, generate, shrink);
}
