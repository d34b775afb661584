using System.Text;
using Hypercall.BitVisor;
using Hypercall.Cli.Output;
using Hypercall.Testing;

namespace Hypercall.Cli.Machines;

/// <summary>
/// A program that does it wrong: it gives away the physical address of memory that is locked, which stays in memory but not in
/// its frame. On one day in a thousand the guest's kernel moves the page at the wrong moment; a plan makes it today.
/// </summary>
internal static class DemoTrace
{
    private const string Function = "foo_gpa";

    /// <summary>
    /// Call 1 looks the name up; call 2 is the transfer. The VMM has mapped the frame, and is about to read it.
    /// </summary>
    private static readonly FaultPlan Compaction = [new(FakeInjectionPoint.BeforePage(call: 2, page: 1), new FakeFault(FakeFaultKind.PageMigration))];

    public static DemoFault Tell()
    {
        FakeMachine locked = Machine();
        FakeMachineException found = Find(locked);
        FakeMachine pinned = Machine();
        TransferResult right = Transfer(pinned, Residency.Pinned);
        return new DemoFault(
            found.Oracle.ToString(),
            ToolWords.Of(found.Message.Split(Environment.NewLine)[0]),
            [.. locked.Trace.Lines.Select(line => line.ToString())],
            locked.Options.ToCSharp(),
            ToolWords.Of(right.IsCompleted ? pinned.FaultOccurrences[0].Rule ?? "" : right.Message));
    }

    private static FakeMachineException Find(FakeMachine machine)
    {
        try
        {
            _ = Transfer(machine, Residency.Locked);
        }
        catch (FakeMachineException e)
        {
            return e;
        }

        throw new InvalidOperationException("The fake machine did not notice that the page had moved.");
    }

    private static FakeMachine Machine() =>
        new FakeMachine(new FakeMachineOptions { Plan = Compaction, Record = true }).On(Function, FakeHandlers.ByPhysicalAddress(DemoTechniques.ToFoo));

    private static TransferResult Transfer(FakeMachine machine, Residency residency)
    {
        using GuestBuffer buffer = machine.Memory.Allocate(DemoTechniques.Sent.Length, residency);
        _ = Encoding.ASCII.GetBytes(DemoTechniques.Sent, buffer.Span);
        return new BitVisorClient(machine).GetFunction(Function).Transfer(buffer, Passing.PageByPage, Direction.Both, FakeHandlers.Rule, new TransferOptions
        {
            
            AcceptMemoryCorruptionIfPagesMove = residency != Residency.Pinned, // without it the library refuses
        });
    }
}

/// <summary>What became of the wrong program, in the answer of <c>demo</c>.</summary>
/// <param name="Oracle">What found it out.</param>
/// <param name="Message">What it says.</param>
/// <param name="Trace">What happened, a line for each step.</param>
/// <param name="Replay">C# that makes the same machine.</param>
/// <param name="Pinned">Why the same program with pinned memory gets through on the same machine.</param>
internal sealed record DemoFault(string Oracle, string Message, IReadOnlyList<string> Trace, string Replay, string Pinned);
