using FsCheck.Xunit;
using Hypercall.BitVisor;

namespace Hypercall.Testing.Xunit.Tests;

/// <summary>Found and run by xunit itself, all in one class.</summary>
[Properties(MaxTest = 30)]
public sealed class BesidePropertyTests(ITestOutputHelper output)
{
    private int _tried;

    [Fact]
    public void A_fact_works_beside_it() => Assert.Equal(0, _tried);

    [Property]
    public bool A_property_works_beside_it(int number) => number - number == 0;

    [Property(Arbitrary = [typeof(FakeArbitraries)])]
    public void A_property_takes_machines_as_data(FakeMachineOptions machine, FaultPlan plan, FakeInjectionPoint point) =>
        Assert.NotNull(new FakeMachine(machine with { Plan = [.. plan, new PlannedFault(point, new FakeFault(FakeFaultKind.Refuse))] }));

    [VmmProperty(Configure = nameof(Foo))]
    public void A_function_is_found_or_the_look_up_says_why(FakeMachine vmm)
    {
        VmmLookup lookup = new BitVisorClient(vmm).TryGetFunction("foo");
        Assert.True(lookup.IsFound || vmm.FaultOccurrences.Count > 0, lookup.Message);
    }

    [VmmProperty]
    public void What_the_class_says_of_all_its_properties_counts(FakeMachine vmm) => Assert.InRange(++_tried, vmm.Calls, 30);

    [VmmProperty]
    public async Task A_task_works_too(FakeMachine vmm, FakeCase one)
    {
        await Task.Yield();
        output.WriteLine("awaited");
        Assert.Equal(one.Machine, vmm.Options);
    }

    private static void Foo(FakeMachine vmm) => vmm.On("foo", call => call.Rax = 10);
}
