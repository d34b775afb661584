namespace Hypercall.Testing.Tests;

public sealed class VmmCheckTests
{
    private static readonly VmmCheckOptions Seeded = new() { Seed = 1 };

    [Fact]
    public void A_property_that_holds_is_tried_on_a_hundred_machines_each_of_its_own()
    {
        HashSet<FakeMachine> machines = new(ReferenceEqualityComparer.Instance);
        VmmCheck.Run(vmm => Assert.True(machines.Add(vmm)));
        Assert.Equal(100, machines.Count);
    }

    [Fact]
    public void A_failure_that_is_another_one_the_next_time_is_told_as_it_was_and_named_unsteady()
    {
        VmmCheckFailedException failure = Assert.Throws<VmmCheckFailedException>(() => VmmCheck.Run(
            machine => Fail(machine.Options.Record), Seeded));
        Assert.Contains("found", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("told", failure.Message, StringComparison.Ordinal);
        Assert.Contains("it did not fail in this way", failure.Message, StringComparison.Ordinal);

        static void Fail(bool isTold) => throw (isTold ? new ArgumentException("told") : new InvalidOperationException("found"));
    }

    [Fact]
    public void The_same_seed_gives_the_same_cases_on_any_number_of_threads()
    {
        string[] runs = new string[8];
        _ = Parallel.For(0, runs.Length, i =>
        {
            List<string> cases = [];
            VmmCheck.Run((_, tried) => cases.Add(tried.ToCSharp()), Seeded);
            runs[i] = string.Join('\n', cases);
        });
        Assert.Single(runs.Distinct());
    }

    [Fact]
    public void Another_seed_gives_other_cases_and_so_does_no_seed()
    {
        ulong?[] seeds = [1, 2, null, null];
        Assert.Equal(4, seeds.Select(seed => First(new VmmCheckOptions { Seed = seed, StartSize = 100, MaxTest = 1 })).Distinct().Count());

        static string First(VmmCheckOptions options)
        {
            string first = "";
            VmmCheck.Run((_, tried) => first = tried.ToCSharp(), options);
            return first;
        }
    }

    [Fact]
    public void Cases_grow_from_the_first_to_the_last()
    {
        List<int> pages = [];
        VmmCheck.Run((_, tried) => pages.Add(tried.Pages), new VmmCheckOptions { Seed = 1, MaxTest = 200 });
        Assert.Equal(1, pages[0]);
        Assert.True(pages.Skip(150).Average() > 3 * pages.Take(50).Average());
        pages.Clear();
        VmmCheck.Run((_, tried) => pages.Add(tried.Pages), new VmmCheckOptions { Seed = 1, StartSize = 0, EndSize = 0 });
        Assert.All(pages, count => Assert.Equal(1, count));
    }

    [Fact]
    public void A_property_that_throws_fails_and_is_shrunk_to_what_matters()
    {
        VmmCheckFailedException failure = Fails((_, tried) => Assert.True(tried.Pages < 5), Seeded);
        Assert.Equal(5, failure.Case.Pages);
        Assert.Single(failure.Case.Calls);
        Assert.Single(failure.Case.Buffers);
        Assert.Empty(failure.Case.Machine.Plan);
        Assert.Equal(0ul, failure.Case.Machine.Seed);
        Assert.Null(failure.Oracle);
        Assert.IsType<Xunit.Sdk.TrueException>(failure.InnerException);
        Assert.True(failure.Shrinks > 0);
        Assert.Equal(1ul, failure.Seed);
    }

    [Fact]
    public void A_failure_says_what_failed_where_the_seed_and_how_to_try_it_again()
    {
        VmmCheckFailedException failure = Fails(
            (vmm, tried) =>
            {
                using GuestBuffer buffer = vmm.Memory.Allocate(100, Residency.Touched);
                throw new InvalidDataException("The last line was lost.");
            },
            Seeded);
        Assert.Contains("failed on case 1 (seed 0x1)", failure.Message, StringComparison.Ordinal);
        Assert.Contains("1 page in 1 buffer, 1 call, 0 faults", failure.Message, StringComparison.Ordinal);
        Assert.Contains("InvalidDataException: The last line was lost.", failure.Message, StringComparison.Ordinal);
        Assert.Contains("allocates buffer 1: 100 bytes", failure.Message, StringComparison.Ordinal);
        Assert.Contains($"VmmCheck.Run(property, new VmmCheckOptions {{ Replay = {failure.Case.ToCSharp()} }});", failure.Message, StringComparison.Ordinal);
        Assert.Contains("new VmmCheckOptions { Seed = 0x1 }", failure.Message, StringComparison.Ordinal);
        Assert.NotNull(failure.Trace);
    }

    [Fact]
    public void The_trace_of_an_oracle_is_shown_once()
    {
        VmmCheckFailedException failure = Fails(vmm => vmm.ReportDataLost("Line 7 is gone."), Seeded);
        Assert.Equal(FakeOracle.DataLost, failure.Oracle);
        Assert.Contains("FakeMachineException (DataLost): Line 7 is gone.", failure.Message, StringComparison.Ordinal);
        Assert.Equal(2, failure.Message.Split("==>").Length);
        Assert.Equal(2, failure.Message.Split("The same machine again").Length);
    }

    [Fact]
    public void A_violation_that_the_program_swallowed_fails_all_the_same()
    {
        VmmCheckFailedException failure = Fails(
            vmm =>
            {
                try
                {
                    vmm.ReportDataLost("Nobody is to know.");
                }
                catch (FakeMachineException)
                {
                }
            },
            Seeded);
        Assert.IsType<FakeMachineException>(failure.InnerException);
    }

    [Fact]
    public void A_violation_counts_for_more_than_what_the_program_made_of_it()
    {
        VmmCheckFailedException failure = Fails(
            vmm =>
            {
                try
                {
                    vmm.ReportDataLost("Nobody is to know.");
                }
                catch (FakeMachineException)
                {
                    VmmCheck.Discard();
                }
            },
            Seeded);
        Assert.IsType<FakeMachineException>(failure.InnerException);
    }

    [Fact]
    public void Shrinking_does_not_slip_into_another_failure()
    {
        VmmCheckFailedException failure = Fails(
            (_, tried) =>
            {
                if (tried.Pages > 8)
                {
                    throw new InvalidDataException("the first");
                }

                throw new NotSupportedException("another");
            },
            new VmmCheckOptions { Seed = 1, StartSize = 100 });
        Assert.IsType<InvalidDataException>(failure.InnerException);
        Assert.Equal(9, failure.Case.Pages);
    }

    [Fact]
    public void A_replay_tries_the_one_case_and_shrinks_nothing()
    {
        FakeCase given = FakeCase.Generate(9);
        List<FakeCase> tried = [];
        VmmCheck.Run((_, one) => tried.Add(one), new VmmCheckOptions { Replay = given });
        Assert.Equal([given], tried);
        VmmCheckFailedException failure = Fails((_, _) => throw new InvalidDataException(), new VmmCheckOptions { Replay = given });
        Assert.Equal((given, 0), (failure.Case, failure.Shrinks));
    }

    [Fact]
    public void A_failed_case_fails_in_a_replay_with_the_same_trace()
    {
        Action<FakeMachine> configure = vmm => vmm.On("foo", call => call.Rax = 10);
        VmmCheckOptions options = new() { Seed = 1, Configure = configure, MaxTest = 1000 };
        Action<FakeMachine> property = vmm =>
        {
            Hypercall.BitVisor.BitVisorClient client = new(vmm);
            Assert.True(client.TryGetFunction("foo").IsFound);
        };
        VmmCheckFailedException first = Fails(property, options);
        VmmCheckFailedException again = Fails(property, new VmmCheckOptions { Configure = configure, Replay = first.Case });
        Assert.Equal(first.Trace!.ToString(), again.Trace!.ToString());
        Assert.Single(first.Case.Machine.Plan);
        Assert.Equal(first.Trace.ToString(), Fails(property, options).Trace!.ToString());
    }

    [Fact]
    public void Each_machine_is_made_ready_before_the_property_has_it()
    {
        VmmCheck.Run(
            vmm => Assert.Equal(10ul, new Hypercall.BitVisor.BitVisorClient(vmm).GetFunction("foo").Call().Rax),
            new VmmCheckOptions { Configure = vmm => vmm.On("foo", call => call.Rax = 10), Size = new FakeCaseSize { MaxFaults = 0, VaryMachine = false } });
    }

    [Fact]
    public void What_the_machine_is_given_stays_when_a_failure_is_shrunk()
    {
        VmmCheckFailedException failure = Fails(
            vmm => Assert.Equal(1, vmm.Options.Seed == 5 ? 0 : 1),
            new VmmCheckOptions { Seed = 1, Machine = new FakeMachineOptions { Seed = 5, Cpus = 3 } });
        Assert.Equal((5ul, 3), (failure.Case.Machine.Seed, failure.Case.Machine.Cpus));
    }

    [Fact]
    public void Cases_that_are_not_wanted_are_counted_and_others_tried_instead()
    {
        int wanted = 0;
        VmmCheckResult result = VmmCheck.TryRun(
            (_, tried) =>
            {
                VmmCheck.DiscardUnless(tried.Calls.Count > 1);
                wanted++;
            },
            Seeded);
        Assert.True(result.Passed);
        Assert.Equal((100, 100), (result.Cases, wanted));
        Assert.True(result.Discarded > 0);
    }

    [Fact]
    public void A_property_that_wants_nothing_is_an_error_and_no_success()
    {
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => VmmCheck.Run(_ => VmmCheck.Discard(), new VmmCheckOptions { Seed = 1, MaxDiscarded = 10 }));
        Assert.Contains("did not want 11 cases", error.Message, StringComparison.Ordinal);
        _ = Assert.Throws<InvalidOperationException>(() => VmmCheck.Run(_ => VmmCheck.Discard(), new VmmCheckOptions { Replay = FakeCase.Generate(1) }));
    }

    [Fact]
    public void Labels_calls_and_fault_occurrences_are_counted_over_all_cases()
    {
        VmmCheckResult result = VmmCheck.TryRun(
            (vmm, tried) =>
            {
                VmmCheck.Classify(tried.Machine.Plan.Count == 0 ? "without faults" : "with faults");
                VmmCheck.Classify("any");
                VmmCheck.Classify("any");
                _ = new Hypercall.BitVisor.BitVisorClient(vmm).TryGetFunction("boot");
            },
            new VmmCheckOptions { Seed = 1, MaxTest = 1000 });
        Assert.Equal(1000, result.Labels["any"]);
        Assert.Equal(1000, result.Labels["without faults"] + result.Labels["with faults"]);
        Assert.True(result.Calls >= 600);
        VmmCheckFaultOccurrences lost = result.FaultOccurrences.Single(kind => kind.Kind == FakeFaultKind.LoseName);
        Assert.True(lost is { Occurred: > 5, AfterEntry: > 0 } && lost.AfterEntry < lost.Occurred);
        Assert.Contains(result.FaultOccurrences, kind => kind.Missed > 0);
        Assert.Contains(result.FaultOccurrences, kind => kind.Forbidden > 0);
        Assert.Equal(Enum.GetValues<FakeFaultKind>(), result.FaultOccurrences.Select(kind => kind.Kind));
        Assert.Contains("100.0 %  any", result.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_occurs_before_the_first_call_is_not_counted_as_after_entry()
    {
        VmmCheckResult result = VmmCheck.TryRun(
            vmm => _ = vmm.Memory.TryAllocate(1, GuestBufferOptions.Default, out _, out _),
            new VmmCheckOptions { Seed = 1, MaxTest = 500 });
        Assert.Contains(result.FaultOccurrences, kind => kind is { Kind: FakeFaultKind.NoPinning, Occurred: > 0 });
        Assert.All(result.FaultOccurrences, kind => Assert.Equal(0, kind.AfterEntry));
    }

    [Fact]
    public void A_label_outside_of_a_check_is_nobodys()
    {
        VmmCheck.Classify("nobody's");
    }

    [Fact]
    public void A_verbose_check_tells_each_case_and_the_distribution()
    {
        List<string> output = [];
        VmmCheck.Run(_ => { }, new VmmCheckOptions { Seed = 1, MaxTest = 3, Verbose = true, Output = output.Add });
        Assert.Equal(4, output.Count);
        Assert.StartsWith("1: new FakeCase(", output[0], StringComparison.Ordinal);
        Assert.StartsWith("3 cases, 0 discarded", output[3], StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_asynchronous_property_is_awaited()
    {
        int ended = 0;
        await VmmCheck.RunAsync(
            async vmm =>
            {
                await Task.Yield();
                ended++;
            },
            new VmmCheckOptions { Seed = 1, MaxTest = 20 });
        Assert.Equal(20, ended);
        VmmCheckFailedException failure = await Assert.ThrowsAsync<VmmCheckFailedException>(() => VmmCheck.RunAsync(
            async (vmm, tried) =>
            {
                await Task.Yield();
                VmmCheck.Classify("tried");
                Assert.True(tried.Pages < 3);
            },
            Seeded));
        Assert.Equal(3, failure.Case.Pages);
    }

    [Fact]
    public async Task A_check_inside_a_property_of_another_one_counts_for_itself()
    {
        VmmCheckResult outer = await VmmCheck.TryRunAsync(
            async _ =>
            {
                VmmCheckResult inner = await VmmCheck.TryRunAsync(
                    async _ =>
                    {
                        await Task.Yield();
                        VmmCheck.Classify("inner");
                    },
                    new VmmCheckOptions { Seed = 1, MaxTest = 2 });
                Assert.Equal(2, inner.Labels["inner"]);
                VmmCheck.Classify("outer");
            },
            new VmmCheckOptions { Seed = 1, MaxTest = 5 });
        Assert.Equal([KeyValuePair.Create("outer", 5)], outer.Labels);
    }

    [Fact]
    public void A_cancelled_check_ends_between_two_cases()
    {
        using CancellationTokenSource source = new();
        int tried = 0;
        _ = Assert.Throws<OperationCanceledException>(() => VmmCheck.Run(
            _ =>
            {
                if (++tried == 3)
                {
                    source.Cancel();
                }
            },
            new VmmCheckOptions { Seed = 1, CancellationToken = source.Token }));
        Assert.Equal(3, tried);
    }

    [Fact]
    public void A_property_that_fails_only_once_is_said_to_depend_on_something()
    {
        int tried = 0;
        VmmCheckFailedException failure = Fails(_ => Assert.NotEqual(1, ++tried), Seeded);
        Assert.Contains("Tried once more, it did not fail", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hang_is_found_and_shrunk_in_fewer_steps_and_told_with_the_whole_budget()
    {
        VmmCheckFailedException failure = Fails(
            (vmm, tried) =>
            {
                using GuestBuffer buffer = vmm.Memory.Allocate(1, Residency.Touched);
                while (tried.Pages > 1)
                {
                    buffer.Touch();
                }
            },
            new VmmCheckOptions { Seed = 1, Size = new FakeCaseSize { StepBudget = 5000 } });
        Assert.Equal(FakeOracle.Hang, failure.Oracle);
        Assert.Equal((2, 5000), (failure.Case.Pages, failure.Case.Machine.StepBudget));
    }

    [Fact]
    public void Many_steps_that_end_are_no_hang_in_a_hurry()
    {
        VmmCheckFailedException failure = Fails(
            (vmm, tried) =>
            {
                using GuestBuffer buffer = vmm.Memory.Allocate(1, Residency.Touched);
                for (int i = 0; i < tried.Pages * 1000; i++)
                {
                    buffer.Touch();
                }
            },
            new VmmCheckOptions { Seed = 1, Size = new FakeCaseSize { StepBudget = 5000, MaxFaults = 0 } });
        Assert.Equal(5, failure.Case.Pages);
    }

    [Fact]
    public void Shrinking_stops_at_its_bound()
    {
        int tried = 0;
        _ = Fails(
            (_, _) =>
            {
                tried++;
                throw new InvalidDataException();
            },
            new VmmCheckOptions { Seed = 1, StartSize = 100, MaxShrinks = 3 });
        Assert.Equal(1 + 3 + 1, tried); // the case, three simpler ones, and the one that is told
    }

    [Fact]
    public async Task A_check_that_had_to_wait_for_nothing_fails_though_nobody_awaits_it()
    {
        void Dropped() => VmmCheck.RunAsync(_ => Task.FromException(new InvalidDataException()));
        _ = Assert.IsType<InvalidDataException>(Assert.Throws<VmmCheckFailedException>(Dropped).InnerException);

        TaskCompletionSource gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task waits = VmmCheck.RunAsync(async (_, _) =>
        {
            await gate.Task;
            throw new InvalidDataException();
        });
        gate.SetResult();
        _ = await Assert.ThrowsAsync<VmmCheckFailedException>(() => waits);
    }

    [Fact]
    public void Options_that_cannot_be_are_refused()
    {
        Assert.All<VmmCheckOptions>(
            [new() { MaxTest = 0 }, new() { StartSize = -1 }, new() { EndSize = 101 }, new() { MaxShrinks = -1 }, new() { MaxDiscarded = -1 }],
            options => Assert.Throws<ArgumentOutOfRangeException>(() => VmmCheck.Run(_ => { }, options)));
    }

    private static VmmCheckFailedException Fails(Action<FakeMachine> property, VmmCheckOptions options) =>
        Assert.Throws<VmmCheckFailedException>(() => VmmCheck.Run(property, options));

    private static VmmCheckFailedException Fails(Action<FakeMachine, FakeCase> property, VmmCheckOptions options) =>
        Assert.Throws<VmmCheckFailedException>(() => VmmCheck.Run(property, options));
}
