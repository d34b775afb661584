namespace Hypercall.Testing;

/// <summary>
/// Makes cases, and parts of them, out of random numbers. It likes edges: lengths about a page's, the first calls and steps, the
/// accessed page; and it chooses injection points that a program which makes the case's calls will come to, most of the time.
/// </summary>
internal sealed class FakeCaseGenerator(FakeRandom random, FakeCaseSize size, FakeMachineOptions given)
{
    private const int FullList = 511; // frames in a list that fills its page: Hyper-V's GPA_RANGE

    private static readonly FakeInjectionPointKind[] InCall =
        [FakeInjectionPointKind.BeforeEntry, FakeInjectionPointKind.BeforeWalk, FakeInjectionPointKind.BeforeMap, FakeInjectionPointKind.BeforePage, FakeInjectionPointKind.BeforeReturn];

    public FakeCase Case()
    {
        FakeBufferShape[] buffers = Buffers();
        FakeCallShape[] calls = new FakeCallShape[random.Between(1, size.MaxCalls)];
        for (int i = 0; i < calls.Length; i++)
        {
            calls[i] = Call(buffers);
        }

        return new FakeCase(Machine(Timeline(buffers, calls), buffers.Length), buffers, calls);
    }

    /// <summary>A machine with a plan for a program of which nothing is known.</summary>
    public FakeMachineOptions Machine()
    {
        FakeBufferShape[] buffers = Buffers();
        return Machine(Timeline(buffers, [Call(buffers), Call(buffers)]), buffers.Length);
    }

    public FaultPlan Plan() => Machine().Plan;

    public PlannedFault Planned() => Planned([new Step(true, FakeTechnique.Virtual, 1), new Step(false, random.Pick(Enum.GetValues<FakeTechnique>()), size.MaxPages)], 2);

    public FakeBufferShape Buffer() => Buffer(random.Between(1, size.MaxPages));

    public FakeCallShape Call(params ReadOnlySpan<FakeBufferShape> buffers)
    {
        int index = buffers.IsEmpty ? random.Between(0, size.MaxBuffers - 1) : random.Between(0, buffers.Length - 1);
        Direction direction = random.Pick(Direction.ToVmm, Direction.FromVmm, Direction.Both);
        FakeTechnique technique = random.Pick(FakeTechnique.Virtual, FakeTechnique.Contiguous, FakeTechnique.PageByPage, FakeTechnique.FrameList);

        // A good client refuses memory that is not contiguous, and to let the VMM write by physical address into memory that is
        // not pinned. Now and then it should have to.
        bool isRefused = !buffers.IsEmpty && technique != FakeTechnique.Virtual
            && ((technique == FakeTechnique.Contiguous && buffers[index].Contiguity == Contiguity.Any && FakeCaseShrinker.PagesOf(buffers[index]) > 1)
                || (direction != Direction.ToVmm && buffers[index].Residency != Residency.Pinned));
        return new FakeCallShape(index, isRefused && !random.OneIn(4) ? FakeTechnique.Virtual : technique, direction);
    }

    public FakeTarget Target() => Target(size.MaxBuffers);

    private FakeTarget Target(int buffers) => random.OneIn(3)
        ? FakeTarget.Of(random.Low(1, buffers + 2), random.Low(0, size.MaxPages - 1)) // the library's own buffers are in between
        : FakeTarget.Accessed;

    private FakeBufferShape[] Buffers()
    {
        int count = random.Between(1, Math.Min(size.MaxBuffers, size.MaxPages));
        FakeBufferShape[] buffers = new FakeBufferShape[count];
        int left = size.MaxPages;
        for (int i = 0; i < count; i++)
        {
            int most = left - (count - 1 - i);
            buffers[i] = Buffer(random.OneIn(2) ? most : random.Between(1, most));
            left -= FakeCaseShrinker.PagesOf(buffers[i]);
        }

        return buffers;
    }

    private FakeBufferShape Buffer(int maxPages)
    {
        long room = (long)maxPages * GuestPage.Size;
        long offset = Math.Min(random.Between(0, 7) switch
        {
            0 => 1,
            1 => GuestPage.Size - 1,
            2 => random.Between(0, GuestPage.Size - 1),
            3 => random.Between(0, maxPages - 1) * (long)GuestPage.Size,
            _ => 0,
        }, room - 1);
        long left = room - offset;
        long length = maxPages > FullList && random.OneIn(3)
            ? ((FullList + random.Between(0, 1)) * (long)GuestPage.Size) + random.Between(-1, 1) - random.Pick(0, offset % GuestPage.Size)
            : random.Between(0, 9) switch
            {
                0 => 1,
                1 => GuestPage.Size - 1,
                2 => GuestPage.Size,
                3 => GuestPage.Size + 1,
                4 or 5 => (random.Between(1, maxPages) * (long)GuestPage.Size) + random.Between(-1, 1),
                6 => left,
                7 => random.Between(1, 300), // a name, a line, a record
                _ => random.Between(1, (int)Math.Min(left, int.MaxValue)),
            };
        Residency residency = random.Between(0, 9) switch { <= 3 => Residency.Touched, <= 5 => Residency.Locked, _ => Residency.Pinned };
        return new FakeBufferShape((int)Math.Clamp(length, 1, left), (int)offset, residency, random.OneIn(4) ? Contiguity.Contiguous : Contiguity.Any);
    }

    private FakeMachineOptions Machine(List<Step> steps, int buffers)
    {
        FakeMachineOptions plain = FakeMachineOptions.Plain;
        FakeMachineOptions machine = given with
        {
            Seed = given.Seed != plain.Seed ? given.Seed : random.Next(),
            StepBudget = given.StepBudget != plain.StepBudget ? given.StepBudget : size.StepBudget,
        };
        FakeMachineOptions varied = machine with
        {
            Paging = random.OneIn(4) ? FakePaging.FiveLevel : plain.Paging,
            Cpus = random.Between(0, 5) switch { 0 => 1, 1 => 3, _ => plain.Cpus },
            LockLimit = random.OneIn(24) ? LockLimit() : plain.LockLimit,
            CanPin = !random.OneIn(24),
            CanAllocateContiguous = !random.OneIn(16),
            HideFrames = random.OneIn(24),
        };
        if (size.VaryMachine)
        {
            machine = machine with
            {
                Paging = given.Paging != plain.Paging ? given.Paging : varied.Paging,
                Cpus = given.Cpus != plain.Cpus ? given.Cpus : varied.Cpus,
                LockLimit = given.LockLimit != plain.LockLimit ? given.LockLimit : varied.LockLimit,
                CanPin = given.CanPin && varied.CanPin,
                CanAllocateContiguous = given.CanAllocateContiguous && varied.CanAllocateContiguous,
                HideFrames = given.HideFrames || varied.HideFrames,
            };
        }

        int faults = size.Faults.Count == 0 || random.OneIn(4) ? 0 : random.Between(0, size.MaxFaults);
        if (given.Plan.Count != 0 || faults == 0)
        {
            return machine;
        }

        PlannedFault[] plan = new PlannedFault[faults];
        for (int i = 0; i < faults; i++)
        {
            plan[i] = Planned(steps, buffers);
        }

        return machine with { Plan = FaultPlan.Create(plan) };
    }

    private PlannedFault Planned(List<Step> steps, int buffers)
    {
        // Most of what could befall a page is forbidden, for programs lock and pin: so these are tried more often.
        FakeFaultKind kind = random.Pick([
            .. size.Faults,
            .. size.Faults.Where(kind => kind < FakeFaultKind.MakeRom),
            .. size.Faults.Where(kind => kind == FakeFaultKind.SwapOut)]);
        ulong value = kind switch
        {
            FakeFaultKind.PageMigration => (ulong)random.Pick(0, 0, 0, 1, 2, 3, random.Between(4, 1000)),
            FakeFaultKind.LockLimit => (ulong)LockLimit(),

            // -EPERM and -ENOSYS of KVM (Linux, include/uapi/linux/kvm_para.h), -ENOSYS of Xen, and anything else that is no
            // function's number.
            FakeFaultKind.RefuseForeign => random.Pick(unchecked((ulong)-1L), unchecked((ulong)-1L), unchecked((ulong)-1000L), unchecked((ulong)-38L), random.Next() | (1ul << 63)),
            _ => 0,
        };
        FakeTarget target = kind <= FakeFaultKind.MakeRom ? Target(buffers) : FakeTarget.Accessed;
        return new PlannedFault(InjectionPoint(kind, steps), new FakeFault(kind, target, value));
    }

    private FakeInjectionPoint InjectionPoint(FakeFaultKind kind, List<Step> steps)
    {
        int call = random.Low(1, steps.Count);
        if (kind < FakeFaultKind.MakeRom && steps[call - 1].IsLookup && !random.OneIn(4))
        {
            call = Math.Min(call + 1, steps.Count); // the page with a name is pinned, nearly always
        }

        switch (kind)
        {
            // What only the kernel does is best done before the guest asks it for something.
            case FakeFaultKind.LockLimit or FakeFaultKind.NoPinning or FakeFaultKind.NoHugePages or FakeFaultKind.NoPrivilege when !random.OneIn(2):
                return FakeInjectionPoint.GuestStep(random.Between(1, 4 * steps.Count));
            case FakeFaultKind.LoseName:
                call = random.Low(1, Math.Max(1, steps.Count(step => step.IsLookup)));
                return At(random.Pick(InCall), random.OneIn(4) ? call : steps.FindIndex(step => step.IsLookup && --call == 0) + 1, 1);
            case FakeFaultKind.Refuse or FakeFaultKind.RefuseForeign or FakeFaultKind.InvalidOpcode or FakeFaultKind.GeneralProtection or FakeFaultKind.PageFault
                or FakeFaultKind.Clobber or FakeFaultKind.SecondCpu:
                return InCallOf(steps, call);
            default:
                return random.Between(0, 9) switch
                {
                    0 => FakeInjectionPoint.AfterReturn(call),
                    1 => FakeInjectionPoint.GuestStep(random.Low(1, 4 * steps.Count)),
                    2 or 3 => FakeInjectionPoint.GuestStep(random.Between(1, 4 * steps.Count)),
                    _ => InCallOf(steps, call),
                };
        }
    }

    private FakeInjectionPoint InCallOf(List<Step> steps, int call)
    {
        Step step = steps[call - 1];
        FakeInjectionPointKind passing = step.IsLookup || step.Technique == FakeTechnique.Virtual ? FakeInjectionPointKind.BeforeWalk : FakeInjectionPointKind.BeforeMap;
        FakeInjectionPointKind kind = random.OneIn(8)
            ? random.Pick(InCall) // it may not come, and then nothing happens
            : random.Pick(FakeInjectionPointKind.BeforeEntry, passing, passing, FakeInjectionPointKind.BeforePage, FakeInjectionPointKind.BeforePage, FakeInjectionPointKind.BeforeReturn);
        return At(kind, call, random.Low(1, step.Pages));
    }

    private static FakeInjectionPoint At(FakeInjectionPointKind kind, int call, int index) =>
        new(kind, Math.Max(call, 1), kind is FakeInjectionPointKind.BeforeWalk or FakeInjectionPointKind.BeforeMap or FakeInjectionPointKind.BeforePage ? index : 0);

    private long LockLimit() => random.Pick(0L, GuestPage.Size, 4 * GuestPage.Size, 64 << 10, random.Between(0, size.MaxPages + 4) * (long)GuestPage.Size);

    /// <summary>
    /// The instructions that a program which makes these calls executes, as far as it can be told: a look-up before the first
    /// call of each technique.
    /// </summary>
    private static List<Step> Timeline(ReadOnlySpan<FakeBufferShape> buffers, ReadOnlySpan<FakeCallShape> calls)
    {
        const int Most = 1000; // of one call: the injection points that are liked are among the first
        List<Step> steps = [];
        int known = 0;
        foreach (FakeCallShape call in calls)
        {
            int bit = 1 << (int)call.Technique;
            if ((known & bit) == 0)
            {
                known |= bit;
                steps.Add(new Step(true, FakeTechnique.Virtual, 1));
            }

            int pages = FakeCaseShrinker.PagesOf(buffers[call.Buffer]) - (buffers[call.Buffer].Offset / GuestPage.Size);
            int count = call.Technique switch
            {
                FakeTechnique.PageByPage => Math.Min(pages, Most),
                FakeTechnique.FrameList => ((pages - 1) / FullList) + 1,
                _ => 1,
            };
            for (int i = 0; i < count; i++)
            {
                steps.Add(new Step(false, call.Technique, call.Technique == FakeTechnique.PageByPage ? 1 : Math.Min(pages, FullList)));
            }
        }

        return steps;
    }

    private readonly record struct Step(bool IsLookup, FakeTechnique Technique, int Pages);
}
