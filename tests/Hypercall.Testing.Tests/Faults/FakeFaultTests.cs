namespace Hypercall.Testing.Tests;

/// <summary>What becomes of every fault at every injection point.</summary>
public sealed class FakeFaultTests
{
    private const string OneCpu = "one virtual CPU";
    private const int TouchStep = 2; // the guest's steps: allocate, touch, free

    public static TheoryData<FakeFaultKind, FakeInjectionPointKind, Residency, int> All
    {
        get
        {
            TheoryData<FakeFaultKind, FakeInjectionPointKind, Residency, int> all = [];
            foreach (FakeFaultKind kind in Enum.GetValues<FakeFaultKind>())
            {
                foreach (FakeInjectionPointKind point in Enum.GetValues<FakeInjectionPointKind>())
                {
                    foreach (Residency residency in Enum.GetValues<Residency>())
                    {
                        all.Add(kind, point, residency, 1);
                        all.Add(kind, point, residency, 2);
                    }
                }
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_fault_occurs_misses_or_is_forbidden_by_the_right_rule(FakeFaultKind kind, FakeInjectionPointKind point, Residency residency, int cpus)
    {
        (FakeFaultOutcome outcome, string? rule) = Expected(kind, point, residency, cpus);
        foreach (FakeTarget target in new[] { FakeTarget.Accessed, FakeTarget.Of(1, 0) })
        {
            FakeFault fault = new(kind, target, Value: kind == FakeFaultKind.RefuseForeign ? 77u : 0);
            FakeFaultOccurrence occurrence = Assert.Single(Run(fault, point, residency, cpus).FaultOccurrences);

            Assert.Equal(outcome, occurrence.Outcome);
            Assert.Equal(fault, occurrence.Fault.Fault);
            Assert.Equal(point == FakeInjectionPointKind.GuestStep ? 0 : 1, occurrence.Call);
            Assert.Equal(rule is null, occurrence.Rule is null);
            Assert.Contains(rule ?? "", occurrence.Rule ?? "", StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(FakeFaultKind.Refuse, CpuFaultKind.None, 4ul)]
    [InlineData(FakeFaultKind.RefuseForeign, CpuFaultKind.None, 77ul)]
    [InlineData(FakeFaultKind.InvalidOpcode, CpuFaultKind.InvalidOpcode, 4ul)]
    [InlineData(FakeFaultKind.GeneralProtection, CpuFaultKind.GeneralProtection, 4ul)]
    [InlineData(FakeFaultKind.PageFault, CpuFaultKind.PageFault, 4ul)]
    public void A_call_ends_as_the_fault_says_at_whatever_injection_point_it_occurs(FakeFaultKind kind, CpuFaultKind fault, ulong rax)
    {
        foreach (FakeInjectionPointKind point in new[] { FakeInjectionPointKind.BeforeEntry, FakeInjectionPointKind.BeforeWalk, FakeInjectionPointKind.BeforeMap, FakeInjectionPointKind.BeforePage, FakeInjectionPointKind.BeforeReturn })
        {
            Result result = Run(new FakeFault(kind, Value: 77), point, Residency.Touched, cpus: 2);
            Assert.Equal(fault, result.Status.Fault.Kind);
            Assert.Equal(rax, result.Registers.Rax);
            Assert.Equal(5ul, result.Registers.Rdx);
        }
    }

    [Fact]
    public void A_clobbered_call_keeps_what_the_function_wrote()
    {
        Result result = Run(new FakeFault(FakeFaultKind.Clobber), FakeInjectionPointKind.BeforeWalk, Residency.Touched, cpus: 2);
        Assert.Equal((1ul, 5ul), (result.Registers.Rax, result.Registers.R15));
        Assert.NotEqual(5ul, result.Registers.Rdx);
    }

    [Fact]
    public void The_second_CPU_calls_the_same_function_with_no_arguments()
    {
        Result result = Run(new FakeFault(FakeFaultKind.SecondCpu), FakeInjectionPointKind.BeforeWalk, Residency.Touched, cpus: 2);
        Assert.Equal([(5ul, 3), (0ul, 3)], result.Seen);
        Assert.Equal(1ul, result.Registers.Rax);
    }

    /// <summary>
    /// A function may wait for a thread that uses the machine: the second call must not run while the machine is held.
    /// </summary>
    [Fact]
    public async Task The_second_CPU_may_wait_for_another_thread_of_the_guest()
    {
        FakeMachine fake = new(new FakeMachineOptions { Plan = [new(FakeInjectionPoint.BeforeReturn(1), new FakeFault(FakeFaultKind.SecondCpu))] });
        _ = fake.On("f", call =>
        {
            if (call.Rbx == 0)
            {
                Task.Factory.StartNew(() => fake.Memory.Allocate(1).Dispose(), default, TaskCreationOptions.LongRunning, TaskScheduler.Default).Wait();
            }
        });

        await Task.Factory.StartNew(
            () =>
            {
                HypercallRegisters registers = new() { Rax = 4, Rbx = 1 };
                fake.Channel.Invoke(ref registers);
            },
            default,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default).WaitAsync(LastResort.Bound);
        Assert.Equal(FakeFaultOutcome.Occurred, Assert.Single(fake.FaultOccurrences).Outcome);
    }

    [Fact]
    public void A_target_that_does_not_exist_is_missed()
    {
        foreach (FakeTarget target in new[] { FakeTarget.Of(2, 0), FakeTarget.Of(1, 1) })
        {
            Assert.Equal(FakeFaultOutcome.Missed, Assert.Single(Run(new FakeFault(FakeFaultKind.SwapOut, target), FakeInjectionPointKind.BeforeWalk, Residency.Touched, 2).FaultOccurrences).Outcome);
        }
    }

    [Fact]
    public void A_limit_that_falls_is_met_by_the_next_allocation()
    {
        FaultPlan plan =
        [
            new(FakeInjectionPoint.GuestStep(1), new FakeFault(FakeFaultKind.LockLimit, Value: 4096)), new(FakeInjectionPoint.GuestStep(3), new FakeFault(FakeFaultKind.NoPinning)),
            new(FakeInjectionPoint.GuestStep(4), new FakeFault(FakeFaultKind.NoHugePages)), new(FakeInjectionPoint.GuestStep(5), new FakeFault(FakeFaultKind.NoPrivilege)),
        ];
        FakeGuestMemory memory = new FakeMachine(new FakeMachineOptions { Plan = plan }).Memory;
        using GuestBuffer first = memory.Allocate(1, Residency.Locked);
        Assert.Equal(GuestMemoryRefusalReason.LockLimit, Refusal(Residency.Locked, Contiguity.Any));
        Assert.Equal(GuestMemoryRefusalReason.PinningUnavailable, Refusal(Residency.Pinned, Contiguity.Any));
        Assert.Equal(GuestMemoryRefusalReason.NotContiguous, Refusal(Residency.Touched, Contiguity.Contiguous));
        Assert.Equal([GuestPageState.FrameHidden], first.States());

        GuestMemoryRefusalReason Refusal(Residency residency, Contiguity contiguity)
        {
            Assert.False(memory.TryAllocate(2 * GuestPage.Size, new GuestBufferOptions { Residency = residency, Contiguity = contiguity }, out _, out GuestMemoryRefusal? refusal));
            return refusal.Reason;
        }
    }

    private static (FakeFaultOutcome Outcome, string? Rule) Expected(FakeFaultKind kind, FakeInjectionPointKind point, Residency residency, int cpus)
    {
        bool isInCall = point is not (FakeInjectionPointKind.GuestStep or FakeInjectionPointKind.AfterReturn);
        switch (kind)
        {
            case <= FakeFaultKind.WriteProtect when cpus == 1 && isInCall && point != FakeInjectionPointKind.BeforeEntry:
                return (FakeFaultOutcome.Forbidden, OneCpu);
            case FakeFaultKind.SwapOut when residency == Residency.Locked:
                return (FakeFaultOutcome.Forbidden, "The page is Locked: a lock keeps a page in memory");
            case FakeFaultKind.SwapOut when residency == Residency.Pinned:
                return (FakeFaultOutcome.Forbidden, "The page is Pinned: a lock keeps a page in memory");
            case <= FakeFaultKind.WriteProtect when residency == Residency.Pinned:
                return (FakeFaultOutcome.Forbidden, "a long-term pin keeps a page in its frame");
            case FakeFaultKind.LoseName:
                return (FakeFaultOutcome.Missed, isInCall ? "looks no name up" : "");
            case FakeFaultKind.SecondCpu when cpus == 1 && isInCall:
                return (FakeFaultOutcome.Forbidden, OneCpu);
            case >= FakeFaultKind.Refuse and <= FakeFaultKind.SecondCpu when !isInCall:
                return (FakeFaultOutcome.Missed, "");
            default:
                return (FakeFaultOutcome.Occurred, null);
        }
    }

    private static Result Run(FakeFault fault, FakeInjectionPointKind point, Residency residency, int cpus)
    {
        FakeInjectionPoint when = point switch
        {
            FakeInjectionPointKind.BeforeEntry => FakeInjectionPoint.BeforeEntry(1),
            FakeInjectionPointKind.BeforeWalk => FakeInjectionPoint.BeforeWalk(1, 1),
            FakeInjectionPointKind.BeforeMap => FakeInjectionPoint.BeforeMap(1, 1),
            FakeInjectionPointKind.BeforePage => FakeInjectionPoint.BeforePage(1, 1),
            FakeInjectionPointKind.BeforeReturn => FakeInjectionPoint.BeforeReturn(1),
            FakeInjectionPointKind.AfterReturn => FakeInjectionPoint.AfterReturn(1),
            _ => FakeInjectionPoint.GuestStep(TouchStep),
        };
        FakeMachine fake = new(new FakeMachineOptions { Cpus = cpus, Plan = [new(when, fault)], LockLimit = 1 << 20 });
        List<(ulong, int)> seen = [];
        GuestPhysicalAddress frame = default;
        _ = fake.On("f", call =>
        {
            seen.Add((call.Rdx, call.Cpl));
            if (call.Rbx != 0)
            {
                // The first access by the way that the injection point is about.
                if (point != FakeInjectionPointKind.BeforeMap)
                {
                    _ = call.CopyFromGuest(new GuestVirtualAddress(call.Rbx), new byte[8]);
                }

                _ = call.TryMap(frame, 8, FakeMapAccess.Read, out _);
                call.Rax = 1;
            }
        });

        using GuestBuffer buffer = fake.Memory.Allocate(GuestPage.Size, residency);
        frame = Frame(fake, buffer);
        buffer.Touch();
        HypercallRegisters registers = new() { Rax = 4, Rbx = buffer.Address.Value, Rdx = 5, R15 = 5 };
        HypercallStatus status = fake.Channel.TryInvoke(ref registers);
        seen.Sort((a, b) => b.Item1.CompareTo(a.Item1));
        return new Result(status, registers, fake.FaultOccurrences, seen);
    }

    // Without a guest's step: another machine with the same seed has the same frames.
    private static GuestPhysicalAddress Frame(FakeMachine fake, GuestBuffer buffer)
    {
        using GuestBuffer same = new FakeMachine(fake.Options with { Plan = FaultPlan.None }).Memory.Allocate(buffer.Length, buffer.Residency);
        return new GuestFrameNumber(same.Frames()[0]).Address;
    }

    private sealed record Result(HypercallStatus Status, HypercallRegisters Registers, IReadOnlyList<FakeFaultOccurrence> FaultOccurrences, List<(ulong, int)> Seen);
}
