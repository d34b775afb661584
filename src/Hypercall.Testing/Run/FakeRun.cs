using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;

namespace Hypercall.Testing;

/// <summary>One run of a fake machine: its logical clock, the plan that strikes by it, the story, and what ended it.</summary>
internal sealed class FakeRun(FakeVmmOptions options)
{
    private readonly List<FakeStoryLine> _lines = [];
    private readonly List<FakeStrike> _strikes = [];
    private readonly FaultPlan _plan = options.Plan;
    private FakeMachineException? _failure;
    private long _steps;
    private int _guestSteps;
    private int _calls;

    /// <summary>Guards everything that the machine knows: the page table, the frames, the story.</summary>
    public object Gate { get; } = new();

    /// <summary>Makes planned faults happen.</summary>
    public FakeMisfortune? Misfortune { get; set; }

    /// <summary>Makes a second virtual CPU call the function that is being called.</summary>
    public Action<FakeCallState>? SecondCall { get; set; }

    public FakeMachineException? Failure => Volatile.Read(ref _failure);

    public bool IsRecording { get; } = options.Record;

    public FakeStory Story
    {
        get
        {
            lock (Gate)
            {
                return new FakeStory([.. _lines], options);
            }
        }
    }

    public IReadOnlyList<FakeStrike> Strikes
    {
        get
        {
            lock (Gate)
            {
                return [.. _strikes];
            }
        }
    }

    public int NextCall() => Interlocked.Increment(ref _calls);

    /// <summary>A machine on which an oracle spoke is of no further use.</summary>
    public void ThrowIfFailed()
    {
        if (Failure is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <summary>The guest asks its kernel for something.</summary>
    /// <param name="hand">What it is about.</param>
    public void GuestStep(FakeHand hand)
    {
        Count();
        StrikeGuest(hand);
    }

    /// <summary>The guest frees memory. The plan strikes as at any step, but what ends runs for the number of steps waits for the next one: freeing must not hide another failure.</summary>
    /// <param name="hand">What it is about.</param>
    public void FreeStep(FakeHand hand)
    {
        _ = Interlocked.Increment(ref _steps);
        StrikeGuest(hand);
    }

    /// <summary>The CPU runs the instruction of a call again.</summary>
    public void RerunStep() => Count();

    /// <summary>A step of a call.</summary>
    /// <param name="kind">Which kind.</param>
    /// <param name="call">The call.</param>
    /// <param name="hand">What the step is about.</param>
    public void CallStep(FakeMomentKind kind, FakeCallState call, FakeHand hand)
    {
        Count();
        if (_plan.Count != 0 && !call.IsNested)
        {
            Strike(new FakeMoment(kind, call.Number, call.Count(kind)), hand, call);
        }
    }

    /// <summary>Writes a step down. Ask <see cref="IsRecording"/> before the text is made.</summary>
    public void Tell(FakeActor actor, string text, PlannedFault? fault = null, bool isGuilty = false)
    {
        if (IsRecording)
        {
            lock (Gate)
            {
                _lines.Add(new FakeStoryLine(_lines.Count + 1, actor, text, fault, isGuilty));
            }
        }
    }

    /// <summary>An oracle speaks: the run is over.</summary>
    /// <param name="actor">Whose step broke the program.</param>
    /// <param name="step">That step.</param>
    /// <param name="message">What happened, and what to do.</param>
    /// <param name="create">Makes the exception.</param>
    [DoesNotReturn]
    public void Fail(FakeActor actor, string step, string message, Func<string, FakeStory?, FakeMachineException> create)
    {
        lock (Gate)
        {
            if (_failure is null)
            {
                Tell(actor, step, isGuilty: true);
                Volatile.Write(ref _failure, create(message, IsRecording ? Story : null));
            }
        }

        ThrowIfFailed();
        throw new InvalidOperationException(message); // never: the line above throws
    }

    private void StrikeGuest(FakeHand hand)
    {
        int step = Interlocked.Increment(ref _guestSteps);
        if (_plan.Count != 0)
        {
            Strike(new FakeMoment(FakeMomentKind.GuestStep, 0, step), hand, null);
        }
    }

    private void Count()
    {
        if (Interlocked.Increment(ref _steps) > options.StepBudget)
        {
            Fail(FakeActor.Guest, $"takes step {options.StepBudget + 1}",
                $"The program has made {options.StepBudget} steps on the fake machine, all of its budget ({nameof(FakeVmmOptions)}.{nameof(FakeVmmOptions.StepBudget)}): calls, walks, pages, and what it asked its kernel for. "
                + "It tries for ever. Bound the number of attempts, and report the last answer.",
                static (message, story) => new MachineHangException(message, story));
        }
    }

    private void Strike(FakeMoment now, FakeHand hand, FakeCallState? call)
    {
        foreach (PlannedFault planned in _plan.Faults)
        {
            if (planned.Moment != now)
            {
                continue;
            }

            FakeStrike strike;
            lock (Gate)
            {
                strike = Misfortune!.Strike(planned.Fault, hand, call, new FakeStrike(planned, FakeStrikeOutcome.Struck, call?.Number ?? Volatile.Read(ref _calls)));
                _strikes.Add(strike);
                if (strike.Outcome != FakeStrikeOutcome.Struck && IsRecording)
                {
                    Tell(FakeActor.Kernel, $"{planned.Fault}: not done. {strike.Rule}", planned);
                }
            }

            // Not under the gate: a function of the test runs, and it may wait for another thread.
            if (planned.Fault.Kind == FakeFaultKind.SecondCpu && strike.Outcome == FakeStrikeOutcome.Struck)
            {
                SecondCall!(call!);
            }
        }
    }
}
