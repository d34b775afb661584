using FsCheck.Xunit;

namespace Hypercall.Testing.Tests;

public sealed class FakeCaseTests
{
    private static readonly FakeCase[] Thousand = [.. Enumerable.Range(0, 3000).Select(i => FakeCase.Generate((ulong)i))];

    [Property]
    public bool The_same_seed_gives_the_same_case(ulong seed) =>
        FakeCase.Generate(seed).Equals(FakeCase.Generate(seed)) && FakeCase.Generate(seed).ToCSharp() == FakeCase.Generate(seed).ToCSharp();

    [Fact]
    public void The_same_seeds_give_the_same_cases_on_any_number_of_threads()
    {
        FakeCase[] again = new FakeCase[Thousand.Length];
        _ = Parallel.For(0, again.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => again[i] = FakeCase.Generate((ulong)i));
        Assert.Equal(Thousand, again);
    }

    [Fact]
    public void Different_seeds_give_different_cases()
    {
        Assert.True(Thousand.Distinct().Count() > Thousand.Length * 99 / 100);
    }

    [Property]
    public void A_case_keeps_to_its_size(ulong seed, byte pages, byte buffers, byte calls, byte faults, byte percent)
    {
        FakeCaseSize size = new() { MaxPages = pages + 1, MaxBuffers = (buffers % 5) + 1, MaxCalls = (calls % 20) + 1, MaxFaults = faults % 10 };
        FakeCaseSize scaled = size.ScaledTo(percent);
        FakeCase one = FakeCase.Generate(seed, scaled);
        Assert.InRange(one.Pages, 1, size.MaxPages);
        Assert.InRange(one.Pages, 1, scaled.MaxPages);
        Assert.InRange(one.Buffers.Count, 1, scaled.MaxBuffers);
        Assert.InRange(one.Calls.Count, 1, scaled.MaxCalls);
        Assert.InRange(one.Machine.Plan.Count, 0, scaled.MaxFaults);
        Assert.All(one.Buffers, buffer => Assert.True(buffer is { Length: >= 1, Offset: >= 0 }));
        Assert.All(one.Calls, call => Assert.InRange(call.Buffer, 0, one.Buffers.Count - 1));
        _ = new FakeMachine(one.Machine); // it is a machine
    }

    [Property]
    public void The_injection_points_and_targets_of_a_plan_are_such_as_can_be(ulong seed)
    {
        foreach (PlannedFault planned in FakeCase.Generate(seed).Machine.Plan)
        {
            FakeInjectionPoint point = planned.InjectionPoint;
            FakeFault fault = planned.Fault;
            bool hasCall = point.Kind != FakeInjectionPointKind.GuestStep;
            bool hasIndex = point.Kind is FakeInjectionPointKind.BeforeWalk or FakeInjectionPointKind.BeforeMap or FakeInjectionPointKind.BeforePage or FakeInjectionPointKind.GuestStep;
            Assert.Equal(hasCall, point.Call >= 1);
            Assert.Equal(hasIndex, point.Index >= 1);
            Assert.True(fault.HasTarget || fault.Target == FakeTarget.Accessed);
            Assert.True(fault.HasValue || fault.Value == 0);
            Assert.True(fault.Kind != FakeFaultKind.RefuseForeign || fault.Value > 127); // a function's number would be an answer
        }
    }

    [Fact]
    public void Sizes_grow_from_one_page_and_one_call()
    {
        FakeCaseSize size = new FakeCaseSize().ScaledTo(0);
        Assert.Equal((1, 1, 1, 0), (size.MaxPages, size.MaxBuffers, size.MaxCalls, size.MaxFaults));
        Assert.Equal(new FakeCaseSize().MaxPages, new FakeCaseSize().ScaledTo(1000).MaxPages);
        int[] pages = [.. Enumerable.Range(0, 101).Select(percent => new FakeCaseSize().ScaledTo(percent).MaxPages)];
        Assert.Equal(pages.Order(), pages);
    }

    [Fact]
    public void Lengths_like_the_edges_of_pages()
    {
        int[] lengths = [.. Thousand.SelectMany(one => one.Buffers).Select(buffer => buffer.Length)];
        Assert.All(new[] { 1, 4095, 4096, 4097, 2 * 4096, 3 * 4096 + 1, 3 * 4096 - 1 }, edge => Assert.Contains(edge, lengths));
        Assert.InRange(lengths.Count(length => (length + 1) % 4096 <= 2), lengths.Length / 4, lengths.Length);
        Assert.Contains(lengths, length => length % 4096 is > 100 and < 4000);
    }

    [Fact]
    public void A_full_frame_list_comes_up_where_the_size_allows_it()
    {
        FakeCaseSize size = new() { MaxPages = 600, MaxBuffers = 1 };
        int[] pages = [.. Enumerable.Range(0, 300).Select(i => FakeCase.Generate((ulong)i, size).Pages)];
        Assert.All(new[] { 511, 512 }, full => Assert.InRange(pages.Count(count => count == full), 10, 150));
    }

    [Fact]
    public void Every_residency_contiguity_technique_and_direction_comes_up()
    {
        ILookup<Residency, FakeBufferShape> buffers = Thousand.SelectMany(one => one.Buffers).ToLookup(buffer => buffer.Residency);
        Assert.All(Enum.GetValues<Residency>(), residency => Assert.True(buffers[residency].Count() > 300));
        Assert.True(buffers[Residency.Pinned].Count() > buffers[Residency.Locked].Count());
        Assert.Contains(buffers[Residency.Pinned], buffer => buffer.Contiguity == Contiguity.Contiguous);
        FakeCallShape[] calls = [.. Thousand.SelectMany(one => one.Calls)];
        Assert.Equal(12, calls.Select(call => (call.Technique, call.Direction)).Distinct().Count());
        Assert.All(Enum.GetValues<FakeTechnique>(), technique => Assert.True(calls.Count(call => call.Technique == technique) > calls.Length / 20));
    }

    [Fact]
    public void Machines_differ_in_every_setting_and_most_have_no_limit()
    {
        FakeMachineOptions plain = new();
        FakeMachineOptions[] machines = [.. Thousand.Select(one => one.Machine)];
        Assert.Equal([1, 2, 3], machines.Select(machine => machine.Cpus).Distinct().Order());
        Assert.Equal(2, machines.Select(machine => machine.Paging).Distinct().Count());
        Assert.Contains(machines, machine => machine.LockLimit != plain.LockLimit);
        Assert.Contains(machines, machine => !machine.CanPin);
        Assert.Contains(machines, machine => !machine.CanAllocateContiguous);
        Assert.Contains(machines, machine => machine.HideFrames);
        int limitless = machines.Count(machine => machine is { LockLimit: long.MaxValue, CanPin: true, CanAllocateContiguous: true, HideFrames: false });
        Assert.InRange(limitless, machines.Length * 7 / 10, machines.Length * 95 / 100);
        Assert.All(machines, machine => Assert.Equal(FakeVmmPersonality.BitVisor, machine.Personality));
    }

    [Fact]
    public void Every_kind_of_fault_comes_up_at_every_kind_of_injection_point_that_fits_and_some_plans_are_empty()
    {
        PlannedFault[] faults = [.. Thousand.SelectMany(one => one.Machine.Plan)];
        foreach (FakeFaultKind kind in Enum.GetValues<FakeFaultKind>())
        {
            FakeInjectionPointKind[] points = [.. faults.Where(planned => planned.Fault.Kind == kind).Select(planned => planned.InjectionPoint.Kind).Distinct()];
            Assert.True(faults.Count(planned => planned.Fault.Kind == kind) > 100, kind.ToString());
            Assert.True(points.Length >= (kind <= FakeFaultKind.MakeRom ? 7 : 5), $"{kind} at {string.Join(", ", points)}");
        }

        Assert.InRange(Thousand.Count(one => one.Machine.Plan.Count == 0), Thousand.Length / 4, Thousand.Length * 6 / 10);
        Assert.InRange(faults.Count(planned => planned.Fault.HasTarget && planned.Fault.Target == FakeTarget.Accessed), faults.Length / 10, faults.Length / 2);
        Assert.Contains(faults, planned => planned.Fault.Target.Page > 0);
    }

    [Fact]
    public void Only_faults_that_are_allowed_come_up()
    {
        FakeCaseSize size = new() { Faults = [FakeFaultKind.SwapOut, FakeFaultKind.LoseName] };
        FakeFaultKind[] kinds = [.. Enumerable.Range(0, 300).SelectMany(i => FakeCase.Generate((ulong)i, size).Machine.Plan).Select(planned => planned.Fault.Kind).Distinct().Order()];
        Assert.Equal([FakeFaultKind.SwapOut, FakeFaultKind.LoseName], kinds);
        Assert.All(Enumerable.Range(0, 100), i => Assert.Empty(FakeCase.Generate((ulong)i, new FakeCaseSize { Faults = [] }).Machine.Plan));
    }

    [Property]
    public void What_a_machine_is_given_stays_in_every_case_and_in_every_simpler_one(ulong seed)
    {
        FakeMachineOptions given = new()
        {
            Seed = 7,
            Cpus = 1,
            Paging = FakePaging.FiveLevel,
            CanPin = false,
            HideFrames = true,
            LockLimit = 123,
            StepBudget = 77,
            Personality = FakeVmmPersonality.Kvm,
            Plan = [new(FakeInjectionPoint.BeforeEntry(9), new FakeFault(FakeFaultKind.Clobber))],
        };
        FakeCase one = FakeCase.Generate(seed, machine: given);
        Assert.All(one.Shrink(given).Prepend(one), any => Assert.Equal(given, any.Machine with { CanAllocateContiguous = true }));
    }

    [Property]
    public void A_machine_that_does_not_vary_is_plain_but_for_its_seed_and_plan(ulong seed)
    {
        FakeCase one = FakeCase.Generate(seed, new FakeCaseSize { VaryMachine = false, StepBudget = 5 });
        Assert.Equal(FakeMachineOptions.Plain with { Seed = one.Machine.Seed, Plan = one.Machine.Plan, StepBudget = 5 }, one.Machine);
    }

    [Fact]
    public void A_case_is_equal_to_one_that_says_the_same()
    {
        FakeCase one = FakeCase.Generate(5);
        FakeCase copy = new(one.Machine with { }, [.. one.Buffers], [.. one.Calls]);
        Assert.Equal(one, copy);
        Assert.Equal(one.GetHashCode(), copy.GetHashCode());
        Assert.NotEqual(one, copy with { Calls = [.. copy.Calls, copy.Calls[0]] });
        Assert.NotEqual(one, copy with { Buffers = [.. copy.Buffers, copy.Buffers[0]] });
        Assert.NotEqual(one, copy with { Machine = copy.Machine with { Seed = 1 } });
    }

    [Fact]
    public void A_case_says_itself_as_CSharp()
    {
        FakeCase one = new(
            new FakeMachineOptions { Seed = 0x2a, Cpus = 1, Plan = [new(FakeInjectionPoint.BeforeWalk(2, 1), new FakeFault(FakeFaultKind.PageMigration, FakeTarget.Of(1, 0), 3))] },
            [new FakeBufferShape(4097, 8, Residency.Pinned, Contiguity.Contiguous)],
            [new FakeCallShape(0, FakeTechnique.FrameList, Direction.Both)]);
        Assert.Equal(
            "new FakeCase(new FakeMachineOptions { Seed = 0x2a, Cpus = 1, Plan = [new(FakeInjectionPoint.BeforeWalk(2, 1), new FakeFault(FakeFaultKind.PageMigration, FakeTarget.Of(1, 0), Value: 0x3))], }, "
            + "[new FakeBufferShape(4097, 8, Residency.Pinned, Contiguity.Contiguous)], [new FakeCallShape(0, FakeTechnique.FrameList, Direction.Both)])",
            one.ToCSharp());
        Assert.Equal("2 pages in 1 buffer, 1 call, 1 fault", one.ToString());
    }

    [Fact]
    public void A_buffer_shape_allocates_its_offset_too()
    {
        FakeMachine vmm = new();
        FakeBufferShape shape = new(4096, 100, Residency.Locked, Contiguity.Contiguous);
        Assert.True(shape.TryAllocate(vmm.Memory, out GuestBuffer? buffer, out _));
        using (buffer)
        {
            Assert.Equal((4196, Residency.Locked, Contiguity.Contiguous), (buffer.Length, buffer.Residency, buffer.Contiguity));
            GuestSlice slice = shape.SliceOf(buffer);
            Assert.Equal((100, 4096), (slice.Offset, slice.Length));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData((1 << 18) + 1)]
    public void A_size_that_cannot_be_is_refused(int pages)
    {
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => new FakeCaseSize { MaxPages = pages });
    }
}
