using System.Globalization;

namespace Hypercall.Testing;

/// <summary>One step of a run.</summary>
public sealed class FakeTraceLine
{
    internal FakeTraceLine(int step, FakeActor actor, string text, PlannedFault? fault = null, bool isGuilty = false)
    {
        Step = step;
        Actor = actor;
        Text = text;
        Fault = fault;
        IsGuilty = isGuilty;
    }

    /// <summary>Its number, from 1.</summary>
    public int Step { get; }

    /// <summary>Who took it.</summary>
    public FakeActor Actor { get; }

    /// <summary>What was done.</summary>
    public string Text { get; }

    /// <summary>The planned fault that occurred here; null for an ordinary step.</summary>
    public PlannedFault? Fault { get; }

    /// <summary>Whether this is the step that broke the program.</summary>
    public bool IsGuilty { get; }

    /// <summary>The step as a line of the trace.</summary>
    public override string ToString()
    {
        string mark = IsGuilty ? "==>" : Fault is null ? "   " : " * ";
        string actor = Actor switch { FakeActor.Guest => "guest ", FakeActor.Kernel => "kernel", _ => "VMM   " };
        return string.Create(CultureInfo.InvariantCulture, $"{mark} {Step,4}  {actor}  {Text}");
    }
}
