namespace Hypercall.Testing;

/// <summary>The logical clock of a run: each step counts, and planned faults occur by it.</summary>
internal sealed class FakeClock(FakeRun run, FakeFaultInjector injector, FakeMachineOptions options)
{
    private readonly FaultPlan _plan = options.Plan;
    private int _guestSteps;

    /// <summary>Whether anything can go wrong by plan.</summary>
    public bool HasPlan => _plan.Count != 0;

    /// <summary>The guest asks its kernel for something.</summary>
    /// <param name="context">What it is about.</param>
    public void GuestStep(FakeAccessContext context)
    {
        run.Count();
        InjectAtGuestStep(context);
    }

    /// <summary>
    /// The guest frees memory. Faults of the plan occur as at any step, but what ends runs for the number of steps waits for the
    /// next one: freeing must not hide another failure.
    /// </summary>
    /// <param name="context">What it is about.</param>
    public void FreeStep(FakeAccessContext context)
    {
        run.CountQuietly();
        InjectAtGuestStep(context);
    }

    /// <summary>A step at an edge of a call, which the call has counted.</summary>
    /// <param name="kind">Which kind.</param>
    /// <param name="call">The call.</param>
    /// <param name="context">What the step is about.</param>
    public void EdgeStep(FakeInjectionPointKind kind, IFakeCall call, FakeAccessContext context)
    {
        if (_plan.Count != 0)
        {
            Inject(new FakeInjectionPoint(kind, call.Ordinal, 0), context, call);
        }
    }

    /// <summary>A step in a call.</summary>
    /// <param name="kind">Which kind.</param>
    /// <param name="call">The call.</param>
    /// <param name="context">What the step is about.</param>
    public void CallStep(FakeInjectionPointKind kind, IFakeCall call, FakeAccessContext context)
    {
        run.Count();
        if (_plan.Count != 0 && !call.IsNested)
        {
            Inject(new FakeInjectionPoint(kind, call.Ordinal, call.Count(kind)), context, call);
        }
    }

    private void InjectAtGuestStep(FakeAccessContext context)
    {
        int step = Interlocked.Increment(ref _guestSteps);
        if (_plan.Count != 0)
        {
            Inject(new FakeInjectionPoint(FakeInjectionPointKind.GuestStep, 0, step), context, null);
        }
    }

    private void Inject(FakeInjectionPoint now, FakeAccessContext context, IFakeCall? call)
    {
        foreach (PlannedFault planned in _plan.Faults)
        {
            if (planned.InjectionPoint != now)
            {
                continue;
            }

            FakeFaultOccurrence occurrence;
            lock (run.Gate)
            {
                occurrence = injector.Inject(planned.Fault, context, call, new FakeFaultOccurrence(planned, FakeFaultOutcome.Occurred, call?.Ordinal ?? run.Calls));
                run.Add(occurrence);
                if (occurrence.Outcome != FakeFaultOutcome.Occurred && run.IsRecording)
                {
                    run.Tell(FakeActor.Kernel, $"{planned.Fault}: not done. {occurrence.Rule}", planned);
                }
            }

            // Not under the gate: a function of the test runs, and it may wait for another thread.
            if (planned.Fault.Kind == FakeFaultKind.SecondCpu && occurrence.Outcome == FakeFaultOutcome.Occurred)
            {
                call!.CallFromSecondCpu();
            }
        }
    }
}
