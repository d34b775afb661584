using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;

namespace Hypercall.Testing;

/// <summary>One run of a fake machine: the steps that it made, the trace, the faults that occurred, and what ended it.</summary>
internal sealed class FakeRun(FakeMachineOptions options)
{
    private const int EdgesOfCall = 3; // before entry, before return, after return

    private readonly List<FakeTraceLine> _lines = [];
    private readonly List<FakeFaultOccurrence> _faultOccurrences = [];
    private FakeMachineException? _failure;
    private long _steps;
    private int _calls;

    /// <summary>Guards everything that the machine knows: the page table, the frames, the trace.</summary>
    public object Gate { get; } = new();

    public FakeMachineException? Failure => Volatile.Read(ref _failure);

    public bool IsRecording { get; } = options.Record;

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

    /// <summary>A machine on which an oracle spoke is of no further use.</summary>
    public void ThrowIfFailed()
    {
        if (Failure is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <summary>Counts steps; the run ends for hanging when they are too many.</summary>
    public void Count(int steps = 1)
    {
        if (Interlocked.Add(ref _steps, steps) > options.StepBudget)
        {
            Fail(FakeOracle.Hang, FakeActor.Guest, $"takes step {options.StepBudget + 1}",
                $"The program has made {options.StepBudget} steps on the fake machine, all of its budget ({nameof(FakeMachineOptions)}.{nameof(FakeMachineOptions.StepBudget)}): calls, walks, pages, and what it asked its kernel for. "
                + "It tries for ever. Bound the number of attempts, and report the last answer.");
        }
    }

    /// <summary>Counts a step that must not end the run: what ends runs for the number of steps waits for the next one.</summary>
    public void CountQuietly() => _ = Interlocked.Increment(ref _steps);

    /// <summary>Takes note of a planned fault whose injection point came. Under the gate.</summary>
    public void Add(FakeFaultOccurrence occurrence) => _faultOccurrences.Add(occurrence);

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
}
