using System.Buffers.Binary;
using System.Text;
using Hypercall.BitVisor;
using Hypercall.Testing;

namespace Hypercall.Cli.Machines;

/// <summary>The ways of handing bytes over, one after the other: "abc" goes in, "foo" comes back.</summary>
internal static class DemoTechniques
{
    public const string Sent = "abc";
    private const int Offset = GuestPage.Size - 2; // two bytes in one page, the third in the next: that is where the ways differ

    private static readonly TransferRule ByRule = FakeHandlers.Rule;

    public static void Register(FakeMachine fake) => fake
        .On("foo_word", call => call.Rax = call.Rbx == Word(Sent) ? Word("foo") : 0)
        .On("foo_gva", FakeHandlers.ByVirtualAddress(ToFoo))
        .On("foo_gpa", FakeHandlers.ByPhysicalAddress(ToFoo))
        .On("foo_list", FakeHandlers.ByFrameList(ToFoo));

    public static IReadOnlyList<DemoTechnique> HandOver(BitVisorClient vmm, IGuestMemory memory) =>
    [
        InRegisters(vmm),
        HandOver(vmm, memory, "foo_gpa", Passing.Contiguous, "RBX = GPA, RCX = 3: the next frame is the next page"),
        HandOver(vmm, memory, "foo_gpa", Passing.PageByPage, "RBX = GPA, RCX = 2; then the GPA of the other page, and 1"),
        HandOver(vmm, memory, "foo_list", Passing.FrameList, $"RBX = GPA of a list: 3 bytes, from offset {Offset} of the first of two frames"),
        HandOver(vmm, memory, "foo_gva", Passing.Virtual, "RBX = GVA, RCX = 3: it walks the guest's page table"),
    ];

    /// <summary>What the VMM makes of the bytes: "foo" of "abc", whatever pieces they come in.</summary>
    public static void ToFoo(FakeCall call, Span<byte> bytes)
    {
        foreach (ref byte b in bytes)
        {
            b = b == (byte)'a' ? (byte)'f' : (byte)'o';
        }
    }

    private static DemoTechnique InRegisters(BitVisorClient vmm)
    {
        ulong word = vmm.GetFunction("foo_word").Call(Word(Sent)).Rax;
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, word);
        return new DemoTechnique("Registers", "foo_word", $"RBX = 0x{Word(Sent):x}: the bytes themselves", 1, Sent, Encoding.ASCII.GetString(bytes[..Sent.Length]));
    }

    private static ulong Word(string text)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        bytes.Clear();
        _ = Encoding.ASCII.GetBytes(text, bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    private static DemoTechnique HandOver(BitVisorClient vmm, IGuestMemory memory, string function, Passing passing, string told)
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
}

/// <summary>One way of handing bytes over, in the answer of <c>demo</c>.</summary>
/// <param name="Passing">Its name in the library.</param>
/// <param name="Function">The function of the fake VMM.</param>
/// <param name="Told">What the VMM is told.</param>
/// <param name="Calls">How many times the instruction was executed.</param>
/// <param name="Sent">What went in.</param>
/// <param name="Received">What came back.</param>
internal sealed record DemoTechnique(string Passing, string Function, string Told, long Calls, string Sent, string Received);
