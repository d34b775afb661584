using System.Globalization;

namespace Hypercall.Testing;

/// <summary>One step of a run.</summary>
/// <param name="Step">Its number, from 1.</param>
/// <param name="Actor">Who took it.</param>
/// <param name="Text">What was done.</param>
/// <param name="Fault">The planned fault that occurred here; null for an ordinary step.</param>
/// <param name="IsGuilty">Whether this is the step that broke the program.</param>
public sealed record FakeTraceLine(int Step, FakeActor Actor, string Text, PlannedFault? Fault = null, bool IsGuilty = false)
{
    /// <summary>The step as a line of the trace.</summary>
    public override string ToString()
    {
        string mark = IsGuilty ? "==>" : Fault is null ? "   " : " * ";
        string actor = Actor switch { FakeActor.Guest => "guest ", FakeActor.Kernel => "kernel", _ => "VMM   " };
        return string.Create(CultureInfo.InvariantCulture, $"{mark} {Step,4}  {actor}  {Text}");
    }
}
