using System.Text;
using Hypercall.BitVisor;
using Hypercall.Testing;

namespace Hypercall.Cli.Machines;

/// <summary>The ways of handing bytes over, one after the other: "abc" goes in, "foo" comes back.</summary>
internal static class DemoTechniques
{
    private const string Sent = "abc";
    private const int Offset = GuestPage.Size - 2; // two bytes in one page, the third in the next: that is where the ways differ

    private static readonly TransferOptions ByRule = new() { Rule = FakeHandlers.Rule };

    public static void Register(FakeVmm fake) => fake
        .On("foo_gva", FakeHandlers.ByVirtualAddress(ToFoo))
        .On("foo_gpa", FakeHandlers.ByPhysicalAddress(ToFoo))
        .On("foo_list", FakeHandlers.ByFrameList(ToFoo));

    public static IReadOnlyList<DemoTechnique> Replay(Vmm vmm, IGuestMemory memory) =>
    [
        Replay(vmm, memory, "foo_gpa", Passing.Contiguous, "RBX = GPA, RCX = 3: adjacent frames, and the VMM reads on"),
        Replay(vmm, memory, "foo_gpa", Passing.PageByPage, "RBX = GPA, RCX = 2; then the next page's GPA, and 1"),
        Replay(vmm, memory, "foo_list", Passing.FrameList, "RBX = GPA of a list: 3 bytes, from offset 4094 of its two frames"),
        Replay(vmm, memory, "foo_gva", Passing.Virtual, "RBX = GVA, RCX = 3: the VMM walks the guest's page table"),
    ];

    private static DemoTechnique Replay(Vmm vmm, IGuestMemory memory, string function, Passing passing, string told)
    {
        using GuestBuffer buffer = memory.Allocate(2 * GuestPage.Size, new GuestBufferOptions
        {
            Residency = passing == Passing.Virtual ? Residency.Touched : Residency.Pinned,
            Contiguity = passing == Passing.Contiguous ? Contiguity.Contiguous : Contiguity.Any,
        });
        GuestSlice slice = new(buffer, Offset, Sent.Length);
        _ = Encoding.ASCII.GetBytes(Sent, buffer.Span[Offset..]);
        TransferResult result = vmm.GetFunction(function).Transfer(slice, passing, Direction.Both, ByRule);
        return new DemoTechnique(passing.Name, function, told, result.Calls, Sent, Encoding.ASCII.GetString(buffer.Span.Slice(Offset, Sent.Length)));
    }

    private static void ToFoo(FakeCall call, Span<byte> bytes)
    {
        foreach (ref byte b in bytes)
        {
            b = b == (byte)'a' ? (byte)'f' : (byte)'o';
        }
    }
}

/// <summary>One way of handing bytes over, in the answer of <c>demo</c>.</summary>
/// <param name="Passing">Its name in the library.</param>
/// <param name="Function">The function of the fake VMM.</param>
/// <param name="Told">What the VMM is told.</param>
/// <param name="Calls">How many times the instruction was executed.</param>
/// <param name="Sent">What went in.</param>
/// <param name="Received">What came back.</param>
internal sealed record DemoTechnique(string Passing, string Function, string Told, long Calls, string Sent, string Received);
