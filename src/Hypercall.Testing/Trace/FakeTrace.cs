using System.Globalization;
using System.Text;

namespace Hypercall.Testing;

/// <summary>
/// What happened on a fake machine, step by step, and how to make it happen again.
/// </summary>
/// <remarks>
/// <code>
///         1  guest   allocates buffer 1: 4 bytes at 0x7f0000000000, Locked, 1 page
///         2  guest   call 1: VMMCALL RAX=4 (foo_gpa) RBX=0x1000000 RCX=0x4 RDX=0x0
///   *     3  kernel  moves page 0 of buffer 1 from frame 0x1000 to 0x8
///         4  VMM     writes 4 bytes at GPA 0x1000000: page 0 of buffer 1 was in it; by now it is somebody else's
///   ==>   5  VMM     has overwritten memory of somebody else
/// </code>
/// A star marks a planned fault, an arrow the step that broke the program.
/// </remarks>
public sealed class FakeTrace
{
    internal FakeTrace(IReadOnlyList<FakeTraceLine> lines, FakeMachineOptions options)
    {
        Lines = lines;
        Options = options;
    }

    /// <summary>The steps, in their order.</summary>
    public IReadOnlyList<FakeTraceLine> Lines { get; }

    /// <summary>
    /// The machine that this happened on: <c>new FakeMachine(trace.Options)</c> makes the same one. Faults that a test made by
    /// hand, such as
    /// <see cref="FakeGuestMemory.SwapOut(GuestBuffer, int)"/>, are not part of its plan.
    /// </summary>
    public FakeMachineOptions Options { get; }

    /// <summary>The trace, and the C# expression that makes the same machine.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        foreach (FakeTraceLine line in Lines)
        {
            _ = text.Append(line).AppendLine();
        }

        return text.AppendLine().AppendLine("The same machine again:").Append(CultureInfo.InvariantCulture, $"    {Options.ToCSharp()}").ToString();
    }
}
