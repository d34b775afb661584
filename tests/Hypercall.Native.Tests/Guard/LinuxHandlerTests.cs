using Hypercall.Native.Execution;
using Hypercall.Native.Guard;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hypercall.Native.Tests.Guard;

/// <summary>The Linux handler, called with made-up signals: what it takes, and what it leaves to the handler before it.</summary>
public sealed unsafe class LinuxHandlerTests
{
    private const int InfoCode = 8, InfoAddress = 16; // siginfo_t
    private const int Rdi = 104, Rsi = 112, Rdx = 136, Rax = 144, Rcx = 152, Rip = 168, Error = 192, Trap = 200, Cr2 = 216; // ucontext_t
    private const int SegvAccerr = 2, SiKernel = 0x80, SiUser = 0, SiTkill = -6; // include/uapi/asm-generic/siginfo.h
    private const ulong SeenByNext = 0x4E45_5854;

    private static readonly CodeArena Code = TestTarget.CanExecute ? new(CodePages.Current, 4, "test pages") : null!;
    private static readonly CodeArena Stubs = TestTarget.CanExecute ? new(CodePages.Current, 4, "test stubs") : null!;
    private static readonly Lazy<nint> Handler = new(() =>
    {
        Assembler next = new(64); // the handler before: leaves a mark in the context
        next.mov(__qword_ptr[rdx + Rax], (int)SeenByNext);
        next.ret();
        nint before = Code.Add(address => StubAssembler.Encode(next, (ulong)address));
        return Code.Add(address => HandlerAssembler.ForSignals(Stubs, before, address));
    });

    private readonly ulong[] _info = GC.AllocateArray<ulong>(16, pinned: true);
    private readonly ulong[] _context = GC.AllocateArray<ulong>(121, pinned: true);

    [Theory]
    [InlineData(0, SegvAccerr)]
    [InlineData(3, SiKernel)]
    public void A_fault_on_the_instruction_of_any_slot_goes_to_the_fault_exit(int slot, int code)
    {
        ulong rip = Raise(slot, StubLayout.Instruction, code);

        Assert.Equal(rip - StubLayout.Instruction + StubLayout.FaultExit, At(Rip));
        Assert.Equal((11ul, 14ul, 7ul, 0xC2ul, 0x51ul), (At(Rax), At(Rcx), At(Rdx), At(Rsi), At(Rdi)));
    }

    [Theory]
    [InlineData(SiUser)]
    [InlineData(SiTkill)]
    public void A_signal_that_was_sent_at_that_very_moment_is_no_fault(int code)
    {
        ulong rip = Raise(1, StubLayout.Instruction, code);

        Assert.Equal((rip, SeenByNext), (At(Rip), At(Rax)));
    }

    [Theory]
    [InlineData(0, StubLayout.Instruction - 1)]
    [InlineData(0, StubLayout.Instruction + 1)]
    [InlineData(0, StubLayout.FaultExit)]
    [InlineData(-1, StubLayout.Instruction)]
    [InlineData(4, StubLayout.Instruction)]
    [InlineData(0x10_0000, StubLayout.Instruction)]
    public void Any_other_fault_goes_to_the_handler_before(int slot, int offset)
    {
        ulong rip = Raise(slot, offset, SegvAccerr);

        Assert.Equal((rip, SeenByNext), (At(Rip), At(Rax)));
    }

    private ulong Raise(int slot, int offset, int code)
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && TestTarget.CanExecute, "The handler is called as Linux calls it, on x86-64.");
        ulong rip = (ulong)(Stubs.Start + ((nint)slot << StubLayout.SlotShift) + offset);
        (_info[InfoCode / 8], _info[InfoAddress / 8]) = ((uint)code, 0x51);
        (_context[Rip / 8], _context[Trap / 8], _context[Error / 8], _context[Cr2 / 8]) = (rip, 14, 7, 0xC2);
        fixed (ulong* info = _info, context = _context)
        {
            ((delegate* unmanaged<int, ulong*, ulong*, void>)Handler.Value)(11, info, context);
        }

        return rip;
    }

    private ulong At(int offset) => _context[offset / 8];
}
