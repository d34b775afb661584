using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Hypercall.Testing.Tests;

public sealed class FakeArbitrariesTests
{
    private static readonly IArbMap Map = ArbMap.Default.Merge(typeof(FakeArbitraries));

    [Property(Arbitrary = [typeof(FakeArbitraries)])]
    public void A_property_takes_whatever_a_case_is_made_of(
        FakeCase one, FakeMachineOptions machine, FaultPlan plan, PlannedFault planned, FakeBufferShape buffer, FakeCallShape call)
    {
        _ = new FakeMachine(one.Machine);
        _ = new FakeMachine(machine with { Plan = [.. plan, planned] });
        Assert.True(buffer.Length >= 1 && call.Buffer >= 0);
    }

    [Property(Arbitrary = [typeof(FakeArbitraries)])]
    public void A_property_takes_parts_of_a_fault(FakeFault fault, FakeInjectionPoint point, FakeTarget target)
    {
        Assert.True(point.Call >= 1 || point.Index >= 1);
        Assert.True(target == FakeTarget.Accessed || target.Buffer >= 1);
        Assert.True(Enum.IsDefined(fault.Kind));
    }

    [Fact]
    public void The_same_seed_of_FsCheck_gives_the_same_cases()
    {
        Assert.Equal(Sample(7), Sample(7));
        Assert.NotEqual(Sample(7), Sample(8));

        static FakeCase[] Sample(ulong seed) => FakeArbitraries.Case().Generator.Sample(20, new Rnd(seed), 50);
    }

    [Fact]
    public void FsChecks_size_is_the_size_in_percent()
    {
        Assert.All(FakeArbitraries.Case().Generator.Sample(50, 1), one => Assert.True(one is { Pages: 1, Calls.Count: 1 }));
        Assert.Contains(FakeArbitraries.Case().Generator.Sample(50, 100), one => one.Pages > 10 && one.Calls.Count > 3);
    }

    [Fact]
    public void The_shrinker_is_that_of_the_case()
    {
        FakeCase one = FakeCase.Generate(3);
        Assert.Equal(one.Shrink(), FakeArbitraries.Case().Shrinker(one));
    }

    [Fact]
    public void An_arbitrary_has_a_size_and_a_machine_of_its_own()
    {
        FakeMachineOptions given = new() { Cpus = 3 };
        FakeCaseArbitrary cases = new(new FakeCaseSize { MaxPages = 2 }, given);
        Assert.All(cases.Generator.Sample(50, 100), one =>
        {
            Assert.True(one.Pages <= 2 && one.Machine.Cpus == 3);
            Assert.All(cases.Shrinker(one), simpler => Assert.Equal(3, simpler.Machine.Cpus));
        });
    }

    [Fact]
    public void An_arbitrary_of_no_size_is_refused() =>
        Assert.Equal("size", Assert.Throws<ArgumentNullException>(() => new FakeCaseArbitrary(null!)).ParamName);

    /// <summary>Parts of a case shrink by themselves too: to an end, and to nothing that is larger.</summary>
    [Fact]
    public void Every_part_shrinks_to_an_end()
    {
        Ends(FakeArbitraries.Machine(), machine => machine.Plan.Count == 0);
        Ends(FakeArbitraries.Plan(), plan => plan.Count == 0);
        Ends(FakeArbitraries.PlannedFault(), planned => planned.Fault.Target == FakeTarget.Accessed && planned.InjectionPoint.Call <= 1);
        Ends(FakeArbitraries.Fault(), fault => fault.Target == FakeTarget.Accessed);
        Ends(FakeArbitraries.InjectionPoint(), point => point.Call <= 1 && point.Index <= 1);
        Ends(FakeArbitraries.Target(), target => target == FakeTarget.Accessed || target == FakeTarget.Of(1, 0));
        Ends(FakeArbitraries.Buffer(), buffer => buffer == new FakeBufferShape(1, 0, Residency.Pinned, Contiguity.Any));
        Ends(FakeArbitraries.Call(), call => call is { Buffer: 0, Technique: FakeTechnique.Virtual } && call.Direction != Direction.Both);

        static void Ends<T>(Arbitrary<T> arbitrary, Func<T, bool> isEnd)
        {
            foreach (T value in arbitrary.Generator.Sample(50, 100))
            {
                T smallest = value;
                int steps = 0;
                while (arbitrary.Shrinker(smallest).Cast<object?>().FirstOrDefault() is T simpler)
                {
                    smallest = simpler;
                    Assert.True(++steps < 1000, $"{value} does not come to an end: {smallest}");
                }

                Assert.True(isEnd(smallest), $"{value} shrinks to {smallest}");
            }
        }
    }

    [Fact]
    public void There_is_none_of_machines_that_run_for_they_keep_what_happened()
    {
        Assert.DoesNotContain(typeof(FakeArbitraries).GetMethods(), method => method.ReturnType == typeof(Arbitrary<FakeMachine>));
        Assert.NotNull(Map.ArbFor<FakeCase>());
    }
}
