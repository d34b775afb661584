namespace Hypercall.Testing;

/// <summary>Makes planned faults happen, as far as a real kernel, VMM or CPU could. Under the run's gate.</summary>
internal sealed class FakeMisfortune(FakeRun run, FakeKernel kernel, FakeGuestMemory memory, FakeVmmOptions options)
{
    private const string OneCpu = "The guest has one virtual CPU, and the VMM has it: nothing of the guest runs.";
    private const string VmmIsAway = "The VMM does nothing while the guest runs.";
    private const string NoSuchPage = "There is no such page at this moment.";
    private const string IsSoAlready = "The page is so already, or in no frame.";

    public FakeStrike Strike(FakeFault fault, FakeHand hand, FakeCallState? call, FakeStrike strike) => fault.Kind switch
    {
        FakeFaultKind.MakeRom => MakeRom(fault, hand, strike),
        _ when fault.HasTarget => StrikePage(fault, hand, call, strike),
        FakeFaultKind.LockLimit or FakeFaultKind.NoPinning or FakeFaultKind.NoHugePages or FakeFaultKind.NoPrivilege => Limit(fault, strike),
        _ => StrikeCall(fault, call, strike),
    };

    private static FakeStrike Missed(FakeStrike strike, string why) => strike with { Outcome = FakeStrikeOutcome.Missed, Rule = why };

    private static FakeStrike Forbidden(FakeStrike strike, string rule) => strike with { Outcome = FakeStrikeOutcome.Forbidden, Rule = rule };

    private FakeStrike StrikePage(FakeFault fault, FakeHand hand, FakeCallState? call, FakeStrike strike)
    {
        if (options.Cpus == 1 && strike.Fault.Moment.IsInCall && call is { IsOver: false })
        {
            return Forbidden(strike, OneCpu);
        }

        if (!TryFind(fault.Target, hand, out FakeMapping? mapping, out int page))
        {
            return Missed(strike, NoSuchPage);
        }

        if (fault.Kind == FakeFaultKind.Scatter)
        {
            return Scatter(mapping, strike);
        }

        string? rule = fault.Kind == FakeFaultKind.SwapOut ? FakeKernel.RuleAgainstSwapping(mapping, page) : FakeKernel.RuleAgainstMoving(mapping, page);
        if (rule is not null)
        {
            return Forbidden(strike, rule);
        }

        bool struck = fault.Kind switch
        {
            FakeFaultKind.SwapOut => kernel.SwapOut(mapping, page, strike.Fault),
            FakeFaultKind.Migrate => kernel.Migrate(mapping, page, (int)Math.Min(fault.Value, int.MaxValue), strike.Fault),
            FakeFaultKind.DropMapping => kernel.Drop(mapping, page, strike.Fault),
            _ => kernel.Share(mapping, page, strike.Fault),
        };
        return struck ? strike : Missed(strike, IsSoAlready);
    }

    private FakeStrike Scatter(FakeMapping mapping, FakeStrike strike)
    {
        bool struck = false;
        string? rule = null;
        for (int page = 0; page < mapping.PageCount; page++)
        {
            rule = FakeKernel.RuleAgainstMoving(mapping, page);
            struck |= rule is null && kernel.Migrate(mapping, page, walks: 0, strike.Fault);
        }

        return struck ? strike : rule is null ? Missed(strike, IsSoAlready) : Forbidden(strike, rule);
    }

    private FakeStrike MakeRom(FakeFault fault, FakeHand hand, FakeStrike strike)
    {
        ulong frame;
        if (hand.Kind == FakeHandKind.Physical && fault.Target == FakeTarget.AtHand)
        {
            frame = hand.Address >> GuestPage.Shift;
        }
        else if (TryFind(fault.Target, hand, out FakeMapping? mapping, out int page))
        {
            frame = PageTableEntry.Frame(kernel.Read(mapping, page));
        }
        else
        {
            return Missed(strike, NoSuchPage);
        }

        if (!kernel.Physical.MakeRom(frame + 1))
        {
            return Forbidden(strike, "The frame after it is in use, no memory, or ROM already: a VMM takes nothing that the guest uses.");
        }

        run.Tell(FakeActor.Vmm, $"fakes frame 0x{frame + 1:x} as ROM: it is its own", strike.Fault);
        return strike;
    }

    private FakeStrike StrikeCall(FakeFault fault, FakeCallState? call, FakeStrike strike)
    {
        if (call is not { IsOver: false })
        {
            return Missed(strike, VmmIsAway);
        }

        if (call.Verdict is not null)
        {
            return Missed(strike, "The VMM has ended the call already.");
        }

        switch (fault.Kind)
        {
            case FakeFaultKind.LoseName when !call.IsLookup:
                return Missed(strike, "The call looks no name up.");
            case FakeFaultKind.Clobber:
                call.Clobbers = true;
                break;
            case FakeFaultKind.SecondCpu when options.Cpus == 1:
                return Forbidden(strike, "The guest has one virtual CPU.");
            case FakeFaultKind.SecondCpu:
                run.Tell(FakeActor.Guest, "a second virtual CPU calls the same function, with all arguments 0", strike.Fault);
                return strike;
            default:
                call.Verdict = fault;
                break;
        }

        run.Tell(FakeActor.Vmm, fault.Kind switch
        {
            FakeFaultKind.Clobber => "is going to leave something else in the registers that the function does not write",
            FakeFaultKind.LoseName => "forgets the name for this once",
            FakeFaultKind.Refuse => "refuses the call, and touches no register",
            FakeFaultKind.RefuseForeign => "is another one, which answers in its own ABI",
            _ => $"makes the CPU raise {fault.Kind} on the instruction",
        }, strike.Fault);
        return strike;
    }

    private FakeStrike Limit(FakeFault fault, FakeStrike strike)
    {
        bool isSoAlready;
        switch (fault.Kind)
        {
            case FakeFaultKind.LockLimit:
                long limit = (long)Math.Min(fault.Value, long.MaxValue);
                isSoAlready = memory.LockLimit <= limit;
                memory.LockLimit = Math.Min(memory.LockLimit, limit);
                break;
            case FakeFaultKind.NoPinning:
                isSoAlready = !memory.CanPin;
                memory.CanPin = false;
                break;
            case FakeFaultKind.NoHugePages:
                isSoAlready = !memory.CanAllocateContiguous;
                memory.CanAllocateContiguous = false;
                break;
            default:
                isSoAlready = memory.HideFrames;
                memory.HideFrames = true;
                break;
        }

        if (isSoAlready)
        {
            return Missed(strike, "It is so already.");
        }

        run.Tell(FakeActor.Kernel, fault.Kind switch
        {
            FakeFaultKind.LockLimit => $"limits locked memory to {memory.LockLimit} bytes",
            FakeFaultKind.NoPinning => "does not let pages be pinned any more",
            FakeFaultKind.NoHugePages => "has no contiguous memory any more",
            _ => "hides frame numbers from now on",
        }, strike.Fault);
        return strike;
    }

    private bool TryFind(FakeTarget target, FakeHand hand, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out FakeMapping? mapping, out int page)
    {
        mapping = null;
        page = 0;
        if (target != FakeTarget.AtHand)
        {
            if (kernel.Buffers.Find(buffer => buffer.Number == target.Buffer) is { } buffer && target.Page < buffer.PageCount)
            {
                mapping = buffer.Mapping;
                page = buffer.FirstPage + target.Page;
            }
        }
        else
        {
            ulong number = hand.Address >> GuestPage.Shift;
            if (hand.Kind is FakeHandKind.Virtual or FakeHandKind.Argument && kernel.Find(number) is { } found)
            {
                mapping = found;
                page = (int)(number - found.FirstPage);
            }
            else if (hand.Kind is FakeHandKind.Physical or FakeHandKind.Argument && kernel.Physical[number] is { Mapping: { } inFrame } frame)
            {
                mapping = inFrame;
                page = frame.Page;
            }
        }

        return mapping is not null;
    }
}
