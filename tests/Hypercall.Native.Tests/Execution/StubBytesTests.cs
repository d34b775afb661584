using FsCheck.Xunit;
using Hypercall.Amd;
using Hypercall.Intel;
using Hypercall.Native.Execution;
using Iced.Intel;

namespace Hypercall.Native.Tests.Execution;

public sealed class StubBytesTests
{
    public static TheoryData<int, bool> AbisAndVendors => new() { { 0, true }, { 0, false }, { 1, true }, { 1, false } };

    [Theory]
    [MemberData(nameof(AbisAndVendors))]
    public void A_slot_holds_exactly_one_hypercall_at_the_fixed_offset(int abi, bool isIntel)
    {
        InstructionProvider provider = isIntel ? new IntelProvider() : new AmdProvider();
        byte[] slot = StubAssembler.Assemble((StubAbi)abi, provider.Instruction.Encoding.Span, clearsVectors: true, out int entry);

        Instruction[] code = Decode(slot, entry);

        Instruction hypercall = Assert.Single(code, one => one.Mnemonic is Mnemonic.Vmcall or Mnemonic.Vmmcall);
        Assert.Equal(isIntel ? Mnemonic.Vmcall : Mnemonic.Vmmcall, hypercall.Mnemonic);
        Assert.Equal((ulong)StubLayout.Instruction, hypercall.IP);
        byte[] expected = [0x0F, 0x01, isIntel ? (byte)0xC1 : (byte)0xD9];
        Assert.Equal(expected, slot[StubLayout.Instruction..(StubLayout.Instruction + expected.Length)]);
        Assert.Equal(1, slot.AsSpan().Count(expected));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_executable_is_what_was_assembled(bool isIntel)
    {
        Assert.SkipUnless(TestTarget.CanExecute, "Machine code is emitted for x86-64 on Linux and Windows only.");
        InstructionProvider provider = isIntel ? new IntelProvider() : new AmdProvider();
        Stub stub = ExecutionEngine.Shared.GetStub(provider.Instruction.Encoding.Span);

        byte[] expected = StubAssembler.Assemble(
            OperatingSystem.IsWindows() ? StubAbi.Windows : StubAbi.SystemV,
            provider.Instruction.Encoding.Span,
            VectorState.IsKept(new NativeCpuid(), VectorState.ReadXcr0),
            out int entry);

        nint slot = stub.InstructionAddress - StubLayout.Instruction;
        Assert.Equal(0, slot % StubLayout.SlotSize);
        Assert.Equal(slot + entry, stub.Entry);
        Assert.Equal(expected, Bytes(slot));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void RSP_is_never_loaded_and_every_path_returns(int abi)
    {
        byte[] slot = StubAssembler.Assemble((StubAbi)abi, new byte[15], clearsVectors: true, out int entry);

        foreach (int start in (int[])[entry, StubLayout.FaultExit])
        {
            Assert.DoesNotContain(Decode(slot, start), one => one.Mnemonic is Mnemonic.Mov && one.Op0Register == Register.RSP);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void The_upper_halves_are_cleared_once_before_the_first_register_is_loaded(int abi)
    {
        byte[] slot = StubAssembler.Assemble((StubAbi)abi, TestTarget.Nop, clearsVectors: true, out int entry);

        Instruction cleared = Assert.Single(Decode(slot, entry), one => one.Mnemonic is Mnemonic.Vzeroupper or Mnemonic.Vzeroall);

        Assert.Equal(Mnemonic.Vzeroupper, cleared.Mnemonic); // VZEROALL would take XMM6 to XMM15 away, which Windows wants kept
        Assert.Equal(16, Decode(slot, entry).Count(one => one.IP >= cleared.NextIP && one.NextIP <= StubLayout.Instruction + 1)); // 15 loads, the instruction
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Without_AVX_no_instruction_of_AVX_is_in_the_slot(int abi)
    {
        byte[] slot = StubAssembler.Assemble((StubAbi)abi, TestTarget.Nop, clearsVectors: false, out int entry);

        Assert.DoesNotContain(Decode(slot, entry), one => one.Code.CpuidFeatures().Contains(CpuidFeature.AVX));
    }

    [Property(MaxTest = 60)]
    public void The_instruction_lies_at_the_same_offset_whatever_its_length(byte length, bool clearsVectors)
    {
        byte[] instruction = [.. Enumerable.Repeat((byte)0x90, 1 + (length % HypercallInstruction.MaxLength))];

        byte[] slot = StubAssembler.Assemble(StubAbi.SystemV, instruction, clearsVectors, out int entry);

        Assert.Equal(0, slot.AsSpan(0, entry).IndexOfAnyExcept((byte)0xCC) + 1);
        Assert.Equal(instruction, slot[StubLayout.Instruction..(StubLayout.Instruction + instruction.Length)]);
        Assert.Equal(0x50, slot[StubLayout.Instruction + instruction.Length]); // push rax follows at once
    }

    private static unsafe byte[] Bytes(nint page) => new ReadOnlySpan<byte>((void*)page, StubLayout.SlotSize).ToArray();

    /// <summary>From the entry to the first RET, and from the fault exit to its RET.</summary>
    private static Instruction[] Decode(byte[] slot, int entry)
    {
        List<Instruction> code = [];
        foreach (int start in (int[])[entry, StubLayout.FaultExit])
        {
            Decoder decoder = Decoder.Create(64, new ByteArrayCodeReader(slot, start, slot.Length - start), (ulong)start);
            do
            {
                code.Add(decoder.Decode());
                Assert.False(code[^1].IsInvalid);
            }
            while (code[^1].Mnemonic != Mnemonic.Ret);
        }

        return [.. code];
    }
}
