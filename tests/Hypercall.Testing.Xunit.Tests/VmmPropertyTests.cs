namespace Hypercall.Testing.Xunit.Tests;

public sealed class VmmPropertyTests
{
    [Fact]
    public async Task A_property_that_holds_is_tried_a_hundred_times_on_one_instance_of_the_class()
    {
        TestRun run = await Passes(nameof(Specimens.Holds));
        Assert.Contains("Ok, passed 100 tests", run.Output, StringComparison.Ordinal);
        Assert.Contains("disposed after 100", Specimens.Log);
    }

    [Fact]
    public async Task MaxTest_counts()
    {
        _ = await Passes(nameof(Specimens.Holds_seven_times));
        Assert.Contains("disposed after 7", Specimens.Log);
    }

    [Fact]
    public async Task A_failure_is_shrunk_and_shows_arguments_trace_and_how_to_try_it_again()
    {
        TestRun run = await Fails(nameof(Specimens.Fails_on_three_pages));
        Assert.Contains("Hypercall.Testing.VmmPropertyFailedException", run.ExceptionTypes);
        Assert.Contains("    vmm = new FakeMachine(new FakeMachineOptions { StepBudget = 10000000, })", run.Failure, StringComparison.Ordinal);
        Assert.Contains("    one = new FakeCase(", run.Failure, StringComparison.Ordinal);
        Assert.Contains("    number = 0", run.Failure, StringComparison.Ordinal);
        Assert.Contains("3 pages in 1 buffer, 1 call, 0 faults", run.Failure, StringComparison.Ordinal);
        Assert.Contains("three pages", run.Failure, StringComparison.Ordinal);
        Assert.Contains("guest   allocates buffer 1: 10 bytes", run.Failure, StringComparison.Ordinal);
        Assert.Contains("VmmCheck.Run(property, new VmmCheckOptions { Replay = new FakeCase(", run.Failure, StringComparison.Ordinal);
        Assert.Contains("[VmmProperty(Replay = \"(", run.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_property_that_returns_false_fails_and_its_other_arguments_shrink()
    {
        TestRun run = await Fails(nameof(Specimens.Is_false));
        Assert.Contains("    numbers = [0, 0]", run.Failure, StringComparison.Ordinal);
        Assert.Contains("Is_false returned false", run.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_planned_fault_that_breaks_the_program_is_the_only_one_left()
    {
        TestRun run = await Fails(nameof(Specimens.Takes_every_look_up_for_found));
        Assert.Contains("1 page in 1 buffer, 1 call, 1 fault", run.Failure, StringComparison.Ordinal);
        Assert.Contains("Plan = [new(FakeInjectionPoint.", run.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_violation_that_the_property_swallowed_is_reported()
    {
        TestRun run = await Fails(nameof(Specimens.Swallows_what_the_machine_saw));
        Assert.Contains("FakeMachineException (DataLost): Line 7 is gone.", run.Failure, StringComparison.Ordinal);
        Assert.Contains("==>", run.Failure, StringComparison.Ordinal);
        Assert.Contains("Hypercall.Testing.FakeMachineException", run.ExceptionTypes);
    }

    [Theory]
    [InlineData(nameof(Specimens.Fails_after_a_wait), "Assert.Equal")]
    [InlineData(nameof(Specimens.Is_false_after_a_wait), "returned false")]
    public async Task A_property_that_is_a_task_is_awaited(string property, string message)
    {
        Assert.Contains(message, (await Fails(property)).Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Shrinking_does_not_slip_into_another_failure()
    {
        TestRun run = await Fails(nameof(Specimens.Slips));
        Assert.Contains("InvalidDataException: the first", run.Failure, StringComparison.Ordinal);
        Assert.Contains("5 pages in", run.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_replay_gives_the_same_arguments()
    {
        Specimens.Log.RemoveAll(line => line.Contains("FakeCase", StringComparison.Ordinal));
        _ = await Passes(nameof(Specimens.Is_replayed));
        string[] first = [.. Specimens.Log.Where(line => line.Contains("FakeCase", StringComparison.Ordinal))];
        _ = await Passes(nameof(Specimens.Is_replayed));
        string[] both = [.. Specimens.Log.Where(line => line.Contains("FakeCase", StringComparison.Ordinal))];
        Assert.Equal(3, first.Length);
        Assert.Equal(first, both[3..]);
    }

    [Fact]
    public async Task Verbose_tells_all_arguments_beside_what_the_property_writes()
    {
        TestRun run = await Passes(nameof(Specimens.Tells_all));
        Assert.Contains("vmm = new FakeMachine(", run.Output, StringComparison.Ordinal);
        Assert.Contains("text = ", run.Output, StringComparison.Ordinal);
        Assert.Contains("CPUs", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Labels_are_told()
    {
        Assert.Contains("100% nothing called", (await Passes(nameof(Specimens.Classifies))).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cases_that_are_not_wanted_do_not_count()
    {
        _ = await Passes(nameof(Specimens.Wants_few));
        Assert.Contains("disposed after 10", Specimens.Log);
        Assert.Contains("wanted too few", (await Fails(nameof(Specimens.Wants_none))).Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_machine_is_configured_by_a_type_and_by_a_method_of_the_class()
    {
        _ = await Passes(nameof(Specimens.Runs_on_a_configured_machine));
        Assert.Contains("15 pages", (await Fails(nameof(Specimens.Has_a_size_of_its_own))).Failure, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(nameof(Specimens.Names_no_method), "has no method Nowhere(FakeMachine)")]
    [InlineData(nameof(Specimens.Names_no_setup), "is no IVmmSetup")]
    [InlineData(nameof(Specimens.Takes_two_machines), "more than one FakeMachine")]
    [InlineData(nameof(Specimens.Returns_a_property), "use [Property]")]
    [InlineData(nameof(Specimens.Is_async_and_returns_nothing), "async void")]
    public async Task A_mistake_in_the_attribute_or_the_method_is_explained(string property, string message)
    {
        Assert.Contains(message, (await Fails(property)).Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_xunit_knows_works_as_in_any_test()
    {
        Assert.Equal("not today", (await TestRun.Of<Specimens>(nameof(Specimens.Is_skipped))).SkipReason);
        _ = await Passes(nameof(Specimens.Has_what_xunit_knows));
        Assert.Equal(2, Specimens.Log.Count(line => line is "before" or "after"));
        _ = await Passes(nameof(Specimens.Is_static));
        _ = await Passes(nameof(Specimens.Takes_no_machine));
    }

    private static async Task<TestRun> Passes(string property)
    {
        TestRun run = await TestRun.Of<Specimens>(property);
        Assert.True(run.Passed, run.Failure);
        return run;
    }

    private static async Task<TestRun> Fails(string property)
    {
        TestRun run = await TestRun.Of<Specimens>(property);
        Assert.NotNull(run.Failure);
        return run;
    }
}
