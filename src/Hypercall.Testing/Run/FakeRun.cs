using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;

namespace Hypercall.Testing;

/// <summary>One run of a fake machine: its logical clock, the plan whose faults occur by it, the trace, and what ended it.</summary>
internal sealed class FakeRun(FakeMachineOptions options)
{
    private const int EdgesOfCall = 3; // before entry, before return, after return

    private readonly List<FakeTraceLine> _lines = [];
    private readonly List<FakeFaultOccurrence> _faultOccurrences = [];
    private readonly FaultPlan _plan = options.Plan;
    private FakeMachineException? _failure;
    private long _steps;
    private int _guestSteps;
    private int _calls;

    /// <summary>Guards everything that the machine knows: the page table, the frames, the trace.</summary>
    public object Gate { get; } = new();

    /// <summary>Makes planned faults happen.</summary>
    public FakeFaultInjector? FaultInjector { get; set; }

    public FakeMachineException? Failure => Volatile.Read(ref _failure);

    public bool IsRecording { get; } = options.Record;

    /// <summary>Whether anything can go wrong by plan.</summary>
    public bool HasPlan => _plan.Count != 0;

    public FakeTrace Trace
    {
        get
        {
            lock (Gate)
            {
                return new FakeTrace([.. _lines], options);
            }
        }
    }

    public IReadOnlyList<FakeFaultOccurrence> FaultOccurrences
    {
        get
        {
            lock (Gate)
            {
                return [.. _faultOccurrences];
            }
        }
    }

    /// <summary>How many calls the guest made.</summary>
    public int Calls => Volatile.Read(ref _calls);

    /// <summary>The guest makes a call: its three steps at the edges are counted at once.</summary>
    /// <returns>The how-manieth call it is, from 1.</returns>
    public int NextCall()
    {
        Count(EdgesOfCall);
        return Interlocked.Increment(ref _calls);
    }

    /// <summary>A step at an edge of a call.</summary>
    public void EdgeStep(FakeInjectionPointKind kind, IFakeCall call, FakeAccessContext context)
    {
        if (_plan.Count != 0)
        {
            Inject(new FakeInjectionPoint(kind, call.Ordinal, 0), context, call);
        }
    }

    /// <summary>A machine on which an oracle spoke is of no further use.</summary>
    public void ThrowIfFailed()
    {
        if (Failure is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <summary>The guest asks its kernel for something.</summary>
    /// <param name="context">What it is about.</param>
    public void GuestStep(FakeAccessContext context)
    {
        Count();
        InjectAtGuestStep(context);
    }

    /// <summary>The guest frees memory. Faults of the plan occur as at any step, but what ends runs for the number of steps waits for the next one: freeing must not hide another failure.</summary>
    /// <param name="context">What it is about.</param>
    public void FreeStep(FakeAccessContext context)
    {
        _ = Interlocked.Increment(ref _steps);
        InjectAtGuestStep(context);
    }

    /// <summary>The CPU runs the instruction of a call again.</summary>
    public void RerunStep() => Count();

    /// <summary>A step in a call.</summary>
    /// <param name="kind">Which kind.</param>
    /// <param name="call">The call.</param>
    /// <param name="context">What the step is about.</param>
    public void CallStep(FakeInjectionPointKind kind, IFakeCall call, FakeAccessContext context)
    {
        Count();
        if (_plan.Count != 0 && !call.IsNested)
        {
            Inject(new FakeInjectionPoint(kind, call.Ordinal, call.Count(kind)), context, call);
        }
    }

    /// <summary>Writes a step down. Ask <see cref="IsRecording"/> before the text is made.</summary>
    public void Tell(FakeActor actor, string text, PlannedFault? fault = null, bool isGuilty = false)
    {
        if (IsRecording)
        {
            lock (Gate)
            {
                _lines.Add(new FakeTraceLine(_lines.Count + 1, actor, text, fault, isGuilty));
            }
        }
    }

    /// <summary>An oracle speaks: the run is over.</summary>
    /// <param name="oracle">Which one.</param>
    /// <param name="actor">Whose step broke the program.</param>
    /// <param name="step">That step.</param>
    /// <param name="message">What happened, and what to do.</param>
    [DoesNotReturn]
    public void Fail(FakeOracle oracle, FakeActor actor, string step, string message)
    {
        lock (Gate)
        {
            if (_failure is null)
            {
                Tell(actor, step, isGuilty: true);
                Volatile.Write(ref _failure, new FakeMachineException(oracle, message, IsRecording ? Trace : null));
            }
        }

        ThrowIfFailed();
        throw new InvalidOperationException(message); // never: the line above throws
    }

    private void InjectAtGuestStep(FakeAccessContext context)
    {
        int step = Interlocked.Increment(ref _guestSteps);
        if (_plan.Count != 0)
        {
            Inject(new FakeInjectionPoint(FakeInjectionPointKind.GuestStep, 0, step), context, null);
        }
    }

    private void Count(int steps = 1)
    {
        if (Interlocked.Add(ref _steps, steps) > options.StepBudget)
        {
            Fail(FakeOracle.Hang, FakeActor.Guest, $"takes step {options.StepBudget + 1}",
                $"The program has made {options.StepBudget} steps on the fake machine, all of its budget ({nameof(FakeMachineOptions)}.{nameof(FakeMachineOptions.StepBudget)}): calls, walks, pages, and what it asked its kernel for. "
                + "It tries for ever. Bound the number of attempts, and report the last answer.");
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
            lock (Gate)
            {
                occurrence = FaultInjector!.Inject(planned.Fault, context, call, new FakeFaultOccurrence(planned, FakeFaultOutcome.Occurred, call?.Ordinal ?? Volatile.Read(ref _calls)));
                _faultOccurrences.Add(occurrence);
                if (occurrence.Outcome != FakeFaultOutcome.Occurred && IsRecording)
                {
                    Tell(FakeActor.Kernel, $"{planned.Fault}: not done. {occurrence.Rule}", planned);
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
