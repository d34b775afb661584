using System.Globalization;
using System.Text;

namespace Hypercall.Testing;

/// <summary>
/// What happened on a fake machine, step by step, and how to make it happen again.
/// </summary>
/// <remarks>
/// <code>
///         1  guest   allocates buffer 1: 4 bytes, Pinned, 1 page at 0x7f0000000000
///         2  guest   call 1: RAX=0 RBX=0x7f0000000000
///   *     3  kernel  swaps page 0 of buffer 1 out
///   ==>   4  VMM     walks to 0x7f0000000000: not present, error code 0x4
/// </code>
/// A star marks a planned fault, an arrow the step that broke the program.
/// </remarks>
public sealed class FakeStory
{
    internal FakeStory(IReadOnlyList<FakeStoryLine> lines, FakeVmmOptions options)
    {
        Lines = lines;
        Options = options;
    }

    /// <summary>The steps, in their order.</summary>
    public IReadOnlyList<FakeStoryLine> Lines { get; }

    /// <summary>
    /// The machine that this happened on: <c>new FakeVmm(story.Options)</c> makes the same one. Faults that a test made by hand, such as
    /// <see cref="FakeGuestMemory.SwapOut(GuestBuffer, int)"/>, are not part of its plan.
    /// </summary>
    public FakeVmmOptions Options { get; }

    /// <summary>The trace, and the C# expression that makes the same machine.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        foreach (FakeStoryLine line in Lines)
        {
            _ = text.Append(line).AppendLine();
        }

        return text.AppendLine().AppendLine("The same machine again:").Append(CultureInfo.InvariantCulture, $"    {Options.ToCSharp()}").ToString();
    }
}
