using FsCheck.Xunit;

namespace Hypercall.Testing.Tests;

public sealed class FakeCaseShrinkTests
{
    [Property(MaxTest = 300)]
    public void Every_simpler_case_is_strictly_smaller_so_that_shrinking_ends(ulong seed)
    {
        FakeCase one = FakeCase.Generate(seed);
        Assert.All(one.Shrink(), simpler => Assert.True(CaseMeasure.Compare(simpler, one) < 0, $"{simpler.ToCSharp()} is not smaller than {one.ToCSharp()}"));
    }

    [Property(MaxTest = 300)]
    public void Every_simpler_case_is_a_case(ulong seed)
    {
        foreach (FakeCase simpler in FakeCase.Generate(seed).Shrink())
        {
            Assert.NotEmpty(simpler.Buffers);
            Assert.NotEmpty(simpler.Calls);
            Assert.All(simpler.Calls, call => Assert.InRange(call.Buffer, 0, simpler.Buffers.Count - 1));
            Assert.All(simpler.Buffers, buffer => Assert.True(buffer is { Length: >= 1, Offset: >= 0 }));
            Assert.All(simpler.Machine.Plan, planned =>
            {
                Assert.Equal(planned.InjectionPoint.Kind != FakeInjectionPointKind.GuestStep, planned.InjectionPoint.Call >= 1);
                Assert.True(planned.Fault.Target == FakeTarget.Accessed || planned.Fault.Target is { Buffer: >= 1, Page: >= 0 });
            });
        }
    }

    [Property(MaxTest = 100)]
    public void What_fails_always_is_shrunk_to_nothing(ulong seed)
    {
        FakeCase smallest = Descend(FakeCase.Generate(seed), _ => true);
        Assert.Equal(new FakeCase(
            FakeMachineOptions.Plain with { StepBudget = new FakeCaseSize().StepBudget },
            [new FakeBufferShape(1, 0, Residency.Pinned, Contiguity.Any)],
            [new FakeCallShape(0, FakeTechnique.Virtual, smallest.Calls[0].Direction)]), smallest);
        Assert.Empty(smallest.Shrink());
    }

    [Fact]
    public void Faults_go_first_then_pages_then_calls_then_injection_points_then_settings()
    {
        FakeCase one = Enumerable.Range(0, 1000).Select(i => FakeCase.Generate((ulong)i))
            .First(one => one.Machine is { Plan.Count: >= 2, CanAllocateContiguous: false } && one.Buffers.Count > 1 && one.Calls.Count > 2);
        int[] first = [.. one.Shrink().Select(simpler => Stage(FirstDifference(one, simpler)))];
        Assert.Equal([0, 1, 2, 3, 4, 5], first.Distinct());
        Assert.Equal(first.Order(), first);

        // Of CaseMeasure: faults, pages and buffers, calls, injection points to values, calls and buffers, settings.
        static int Stage(int index) => index switch { 0 => 0, <= 2 => 1, 3 => 2, <= 10 => 3, <= 16 => 4, _ => 5 };
    }

    [Fact]
    public void The_greatest_step_comes_first()
    {
        FakeCase one = Enumerable.Range(0, 1000).Select(i => FakeCase.Generate((ulong)i)).First(one => one.Machine.Plan.Count == 4);
        Assert.Empty(one.Shrink().First().Machine.Plan);
    }

    [Fact]
    public void A_fault_that_is_needed_moves_to_the_first_call_and_the_page_at_hand()
    {
        FakeCase smallest = Descend(
            Case([new(FakeInjectionPoint.BeforePage(7, 9), new FakeFault(FakeFaultKind.PageMigration, FakeTarget.Of(3, 5), 900))]),
            one => one.Machine.Plan is [{ Fault.Kind: FakeFaultKind.PageMigration, InjectionPoint.Kind: FakeInjectionPointKind.BeforePage }]);
        Assert.Equal([new(FakeInjectionPoint.BeforePage(1, 1), new FakeFault(FakeFaultKind.PageMigration))], smallest.Machine.Plan);
    }

    [Fact]
    public void A_fault_keeps_to_its_call_when_earlier_calls_go()
    {
        FakeCallShape[] calls = [.. Enumerable.Range(0, 6).Select(_ => new FakeCallShape(0, FakeTechnique.Virtual, Direction.ToVmm))];
        FakeCase smallest = Descend(
            Case([new(FakeInjectionPoint.BeforeReturn(6), new FakeFault(FakeFaultKind.SwapOut))]) with { Calls = calls },
            one => one.Machine.Plan is [{ InjectionPoint.Kind: FakeInjectionPointKind.BeforeReturn } planned] && planned.InjectionPoint.Call == one.Calls.Count);
        Assert.Single(smallest.Calls);
        Assert.Equal(1, smallest.Machine.Plan[0].InjectionPoint.Call);
    }

    [Fact]
    public void A_buffer_shrinks_to_the_least_length_that_matters()
    {
        FakeCase one = Case([]) with { Buffers = [new FakeBufferShape(60_000, 9000, Residency.Touched, Contiguity.Contiguous)] };
        Assert.Equal([new FakeBufferShape(4097, 0, Residency.Pinned, Contiguity.Any)], Descend(one, any => any.Buffers[0].Length > 4096).Buffers);
        Assert.Equal([new FakeBufferShape(12_288, 0, Residency.Pinned, Contiguity.Any)], Descend(one with { Buffers = [new FakeBufferShape(40_960, 0, Residency.Pinned, Contiguity.Any)] },
            any => any.Buffers[0].Length >= 12_288).Buffers);
    }

    [Fact]
    public void A_partial_last_page_is_kept_while_pages_go()
    {
        FakeCase one = Case([]) with { Buffers = [new FakeBufferShape((20 * 4096) + 77, 0, Residency.Pinned, Contiguity.Any)] };
        Assert.Equal(4096 + 77, Descend(one, any => any.Buffers[0].Length > 4096 && any.Buffers[0].Length % 4096 == 77).Buffers[0].Length);
    }

    /// <summary>
    /// A page in front of the data is as good as one of the data: both go one by one, where that is what it takes.
    /// </summary>
    [Property(MaxTest = 200)]
    public void Any_case_with_enough_pages_shrinks_to_just_enough(ulong seed, byte enough)
    {
        int pages = (enough % 10) + 1;
        FakeCase one = FakeCase.Generate(seed);
        Assert.True(one.Pages < pages || Descend(one, any => any.Pages >= pages).Pages == pages);
    }

    [Fact]
    public void Calls_of_a_buffer_that_goes_take_another_one()
    {
        FakeCase one = Case([]) with
        {
            Buffers = [new FakeBufferShape(1, 0, Residency.Pinned, Contiguity.Any), new FakeBufferShape(5, 0, Residency.Touched, Contiguity.Any)],
            Calls = [new FakeCallShape(1, FakeTechnique.FrameList, Direction.ToVmm), new FakeCallShape(0, FakeTechnique.Virtual, Direction.ToVmm)],
        };
        Assert.Contains(one.Shrink(), simpler => simpler.Buffers.SequenceEqual([one.Buffers[0]]) && simpler.Calls.Count == 2 && simpler.Calls.All(call => call.Buffer == 0));
        Assert.Contains(one.Shrink(), simpler => simpler.Buffers.SequenceEqual([one.Buffers[1]]) && simpler.Calls.SequenceEqual([one.Calls[0] with { Buffer = 0 }]));
    }

    [Fact]
    public void A_foreign_answer_becomes_the_one_that_everybody_knows()
    {
        FakeCase one = Case([new(FakeInjectionPoint.BeforeEntry(1), new FakeFault(FakeFaultKind.RefuseForeign, default, 0x8000_0000_0000_0000))]);
        Assert.Equal(ulong.MaxValue, Descend(one, any => any.Machine.Plan.Count == 1).Machine.Plan[0].Fault.Value);
    }

    private static FakeCase Case(FaultPlan plan) => new(
        new FakeMachineOptions { Plan = plan },
        [new FakeBufferShape(1, 0, Residency.Pinned, Contiguity.Any)],
        [new FakeCallShape(0, FakeTechnique.Virtual, Direction.ToVmm)]);

    private static FakeCase Descend(FakeCase one, Func<FakeCase, bool> fails)
    {
        Assert.True(fails(one));
        while (one.Shrink().FirstOrDefault(fails) is { } simpler)
        {
            one = simpler;
        }

        return one;
    }

    private static int FirstDifference(FakeCase one, FakeCase simpler)
    {
        ulong[] a = CaseMeasure.Of(one);
        ulong[] b = CaseMeasure.Of(simpler);
        return Enumerable.Range(0, a.Length).First(i => a[i] != b[i]);
    }
}
