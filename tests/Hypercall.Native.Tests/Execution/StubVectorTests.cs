using Hypercall.Native.Execution;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hypercall.Native.Tests.Execution;

/// <summary>What is left of the vector registers when the instruction executes.</summary>
/// <remarks>
/// <code>
/// caller (emitted): all ones into YMM0 to YMM15 --jmp--> stub --> the instruction, which looks --> back to C#
/// </code>
/// </remarks>
public sealed unsafe class StubVectorTests
{
    private const int Ymm = 32;
    private const ulong AvxInUse = 0b100; // XINUSE bit 2: Intel SDM vol. 1, section 13.6

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void At_the_instruction_the_upper_halves_are_clear_and_the_lower_ones_kept(bool clears)
    {
        NeedsAvx();
        Assembler look = new(64);
        look.vmovdqu(__ymmword_ptr[rax], ymm0);
        look.vmovdqu(__ymmword_ptr[rax + Ymm], ymm6); // Windows: XMM6 to XMM15 are the caller's
        look.vmovdqu(__ymmword_ptr[rax + (2 * Ymm)], ymm15);
        byte[] seen = new byte[3 * Ymm];
        fixed (byte* data = seen)
        {
            HypercallRegisters registers = new() { Rax = (ulong)data };

            _ = CallWithOnes(look, clears, ref registers);
        }

        byte[] lower = [.. Enumerable.Repeat((byte)0xFF, Ymm / 2)];
        byte[] upper = [.. Enumerable.Repeat(clears ? (byte)0 : (byte)0xFF, Ymm / 2)];
        Assert.Equal([.. lower, .. upper, .. lower, .. upper, .. lower, .. upper], seen);
    }

    [Fact]
    public void At_the_instruction_the_CPU_itself_says_that_no_upper_half_is_in_use()
    {
        NeedsAvx();
        const uint XGetBv1 = 1 << 2; // XGETBV with ECX = 1: Intel SDM vol. 1, section 13.2
        Assert.SkipWhen(
            new NativeCpuid().Query(0).Eax < 0xD || (new NativeCpuid().Query(0xD, 1).Eax & XGetBv1) == 0,
            "This CPU does not tell which vector state is in use.");

        ulong inUse = InUse(clears: false);
        ulong cleared = InUse(clears: true);

        Assert.Equal(AvxInUse, inUse & AvxInUse); // or the look sees nothing
        Assert.Equal(0ul, cleared & AvxInUse);
    }

    [Fact]
    public void The_stubs_of_this_process_clear_them_where_the_system_keeps_them()
    {
        NeedsAvx();
        Stub stub = ExecutionEngine.Shared.GetStub(TestTarget.Nop);

        ReadOnlySpan<byte> before = new((void*)stub.Entry, (int)(stub.InstructionAddress - stub.Entry));

        Assert.True(before.IndexOf<byte>([0xC5, 0xF8, 0x77]) > 0); // VZEROUPPER: Intel SDM vol. 2C
    }

    private static void NeedsAvx()
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && TestTarget.CanExecute,
            "The caller is emitted for Linux on x86-64: it takes XMM6 to XMM15.");
        Assert.SkipUnless(
            VectorState.IsKept(new NativeCpuid(), VectorState.ReadXcr0),
            "This CPU has no AVX, or this system does not save its state.");
    }

    private static ulong InUse(bool clears)
    {
        HypercallRegisters registers = new() { Rcx = 1 };
        Assembler look = new(64);
        look.xgetbv();
        return CallWithOnes(look, clears, ref registers).Rax;
    }

    private static HypercallRegisters CallWithOnes(Assembler instruction, bool clears, ref HypercallRegisters registers)
    {
        AssemblerRegisterYMM[] all = [ymm0, ymm1, ymm2, ymm3, ymm4, ymm5, ymm6, ymm7, ymm8, ymm9, ymm10, ymm11, ymm12, ymm13, ymm14, ymm15];
        CodeArena arena = new(CodePages.Current, 2, "test pages");
        byte[] slot = StubAssembler.Assemble(StubAbi.SystemV, StubAssembler.Encode(instruction), clears, out int entry);
        nint stub = arena.Add(_ => slot) + entry;
        Assembler caller = new(64);
        foreach (AssemblerRegisterYMM register in all)
        {
            caller.vxorps(register, register, register);
            caller.vcmpeqps(register, register, register); // 0 = 0, in every lane, without the integer instructions of AVX2
        }

        caller.mov(rax, stub);
        caller.jmp(rax);
        nint start = arena.Add(_ => StubAssembler.Encode(caller));
        NativeFault fault;
        fixed (HypercallRegisters* frame = &registers)
        {
            Assert.Equal(0, ((delegate* unmanaged<HypercallRegisters*, NativeFault*, HypercallRegisters*, int>)start)(frame, &fault, frame + 1));
        }

        return registers;
    }
}
