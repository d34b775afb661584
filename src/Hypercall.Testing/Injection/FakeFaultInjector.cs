namespace Hypercall.Testing;

/// <summary>Makes planned faults happen, as far as a real kernel, VMM or CPU could. Under the run's gate.</summary>
internal sealed class FakeFaultInjector(FakeRun run, FakeKernel kernel, FakeLimits limits, FakeMachineOptions options)
{
    private const string OneCpu = "The guest has one virtual CPU, and the VMM has it: nothing of the guest runs.";
    private const string VmmIsAway = "The VMM does nothing while the guest runs.";
    private const string NoSuchPage = "There is no such page at this moment.";
    private const string IsSoAlready = "The page is so already, or in no frame.";

    public FakeFaultOccurrence Inject(FakeFault fault, FakeAccessContext context, IFakeCall? call, FakeFaultOccurrence occurrence) => fault.Kind switch
    {
        FakeFaultKind.MakeRom => MakeRom(fault, context, occurrence),
        _ when fault.HasTarget => InjectIntoPage(fault, context, call, occurrence),
        FakeFaultKind.LockLimit or FakeFaultKind.NoPinning or FakeFaultKind.NoHugePages or FakeFaultKind.NoPrivilege => Limit(fault, occurrence),
        _ => InjectIntoCall(fault, call, occurrence),
    };

    private static FakeFaultOccurrence Missed(FakeFaultOccurrence occurrence, string why) =>
        new(occurrence.Fault, FakeFaultOutcome.Missed, occurrence.Call, why);

    private static FakeFaultOccurrence Forbidden(FakeFaultOccurrence occurrence, string rule) =>
        new(occurrence.Fault, FakeFaultOutcome.Forbidden, occurrence.Call, rule);

    private FakeFaultOccurrence InjectIntoPage(
        FakeFault fault, FakeAccessContext context, IFakeCall? call, FakeFaultOccurrence occurrence)
    {
        if (options.Cpus == 1 && occurrence.Fault.InjectionPoint.IsInCall && call is { IsOver: false })
        {
            return Forbidden(occurrence, OneCpu);
        }

        if (!TryFind(fault.Target, context, out FakeMapping? mapping, out int page))
        {
            return Missed(occurrence, NoSuchPage);
        }

        if (fault.Kind == FakeFaultKind.Scatter)
        {
            return Scatter(mapping, occurrence);
        }

        string? rule = fault.Kind == FakeFaultKind.SwapOut ? FakeKernel.RuleAgainstSwapping(mapping, page) : FakeKernel.RuleAgainstMoving(mapping, page);
        if (rule is not null)
        {
            return Forbidden(occurrence, rule);
        }

        bool occurred = fault.Kind switch
        {
            FakeFaultKind.SwapOut => kernel.SwapOut(mapping, page, occurrence.Fault),
            FakeFaultKind.PageMigration => kernel.MigratePage(mapping, page, (int)Math.Min(fault.Value, int.MaxValue), occurrence.Fault),
            FakeFaultKind.DropMapping => kernel.Drop(mapping, page, occurrence.Fault),
            _ => kernel.WriteProtect(mapping, page, occurrence.Fault),
        };
        return occurred ? occurrence : Missed(occurrence, IsSoAlready);
    }

    private FakeFaultOccurrence Scatter(FakeMapping mapping, FakeFaultOccurrence occurrence)
    {
        bool occurred = false;
        string? rule = null;
        for (int page = 0; page < mapping.PageCount; page++)
        {
            rule = FakeKernel.RuleAgainstMoving(mapping, page);
            occurred |= rule is null && kernel.MigratePage(mapping, page, walks: 0, occurrence.Fault);
        }

        return occurred ? occurrence : rule is null ? Missed(occurrence, IsSoAlready) : Forbidden(occurrence, rule);
    }

    private FakeFaultOccurrence MakeRom(FakeFault fault, FakeAccessContext context, FakeFaultOccurrence occurrence)
    {
        ulong frame;
        if (context.Kind == FakeAccessContextKind.Physical && fault.Target == FakeTarget.Accessed)
        {
            frame = context.Address >> GuestPage.Shift;
        }
        else if (TryFind(fault.Target, context, out FakeMapping? mapping, out int page))
        {
            frame = PageTableEntry.Frame(kernel.Pages.Read(mapping, page));
        }
        else
        {
            return Missed(occurrence, NoSuchPage);
        }

        if (!kernel.Physical.MakeRom(frame + 1))
        {
            return Forbidden(occurrence, "The frame after it is in use, no memory, or ROM already: a VMM takes nothing that the guest uses.");
        }

        run.Tell(FakeActor.Vmm, $"fakes frame 0x{frame + 1:x} as ROM: it is its own", occurrence.Fault);
        return occurrence;
    }

    private FakeFaultOccurrence InjectIntoCall(FakeFault fault, IFakeCall? call, FakeFaultOccurrence occurrence)
    {
        if (call is not { IsOver: false })
        {
            return Missed(occurrence, VmmIsAway);
        }

        if (!call.IsHeard)
        {
            return Missed(occurrence, "The VMM watches neither this leaf nor this port: it does not hear of the instruction.");
        }

        if (call.Verdict is not null)
        {
            return Missed(occurrence, "The VMM has ended the call already.");
        }

        switch (fault.Kind)
        {
            case FakeFaultKind.LoseName when !call.IsLookup:
                return Missed(occurrence, "The call looks no name up.");
            case FakeFaultKind.Clobber when !call.MayClobber:
                return Forbidden(occurrence, "This VMM leaves every register but its answer as it was.");
            case FakeFaultKind.Clobber:
                call.Clobbers = true;
                break;
            case FakeFaultKind.SecondCpu when options.Cpus == 1:
                return Forbidden(occurrence, "The guest has one virtual CPU.");
            case FakeFaultKind.SecondCpu:
                run.Tell(FakeActor.Guest, "a second virtual CPU calls the same function, with all arguments 0", occurrence.Fault);
                return occurrence;
            default:
                call.Verdict = fault;
                break;
        }

        run.Tell(FakeActor.Vmm, fault.Kind switch
        {
            FakeFaultKind.Clobber => "is going to leave something else in the registers that the function does not write",
            FakeFaultKind.LoseName => "forgets the name for this once",
            FakeFaultKind.Refuse => "refuses the call",
            FakeFaultKind.RefuseForeign => "is another one, which answers in its own ABI",
            _ => $"makes the CPU raise {fault.Kind} on the instruction",
        }, occurrence.Fault);
        return occurrence;
    }

    private FakeFaultOccurrence Limit(FakeFault fault, FakeFaultOccurrence occurrence)
    {
        bool isSoAlready;
        switch (fault.Kind)
        {
            case FakeFaultKind.LockLimit:
                long limit = (long)Math.Min(fault.Value, long.MaxValue);
                isSoAlready = limits.LockLimit <= limit;
                limits.LockLimit = Math.Min(limits.LockLimit, limit);
                break;
            case FakeFaultKind.NoPinning:
                isSoAlready = !limits.CanPin;
                limits.CanPin = false;
                break;
            case FakeFaultKind.NoHugePages:
                isSoAlready = !limits.CanAllocateContiguous;
                limits.CanAllocateContiguous = false;
                break;
            default:
                isSoAlready = limits.HideFrames;
                limits.HideFrames = true;
                break;
        }

        if (isSoAlready)
        {
            return Missed(occurrence, "It is so already.");
        }

        run.Tell(FakeActor.Kernel, fault.Kind switch
        {
            FakeFaultKind.LockLimit => $"limits locked memory to {limits.LockLimit} bytes",
            FakeFaultKind.NoPinning => "does not let pages be pinned any more",
            FakeFaultKind.NoHugePages => "has no contiguous memory any more",
            _ => "hides frame numbers from now on",
        }, occurrence.Fault);
        return occurrence;
    }

    private bool TryFind(
        FakeTarget target, FakeAccessContext context, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out FakeMapping? mapping, out int page)
    {
        mapping = null;
        page = 0;
        if (target != FakeTarget.Accessed)
        {
            if (kernel.Buffers.Find(buffer => buffer.Number == target.Buffer) is { } buffer && target.Page < buffer.PageCount)
            {
                mapping = buffer.Mapping;
                page = buffer.FirstPage + target.Page;
            }
        }
        else
        {
            ulong number = context.Address >> GuestPage.Shift;
            if (context.Kind is FakeAccessContextKind.Virtual or FakeAccessContextKind.Argument && kernel.Find(number) is { } found)
            {
                mapping = found;
                page = (int)(number - found.FirstPage);
            }
            else if (context.Kind is FakeAccessContextKind.Physical or FakeAccessContextKind.Argument && kernel.Physical[number] is { Mapping: { } inFrame } frame)
            {
                mapping = inFrame;
                page = frame.Page;
            }
        }

        return mapping is not null;
    }
}
