using Hypercall.Native.Execution;
using Hypercall.Native.Guard;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hypercall.Native.Tests.Guard;

/// <summary>The Windows handler is machine code like any other, and runs on made-up exceptions everywhere.</summary>
public sealed unsafe class WindowsHandlerTests
{
    private const int ContinueExecution = -1;
    private const int ContinueSearch = 0;
    private const int Rax = 0x78, Rcx = 0x80, Rdx = 0x88, Rsi = 0xA8, Rdi = 0xB0, Rip = 0xF8; // winnt.h, CONTEXT

    [Theory]
    [InlineData(0xC000001D, 6, 0ul, 0ul)]
    [InlineData(0xC0000096, 13, 0ul, 0ul)]
    [InlineData(0xC0000005, 14, 0x10ul, 0x10ul)]
    [InlineData(0xC0000005, 13, ulong.MaxValue, ulong.MaxValue)] // how Windows reports a #GP that is no privileged instruction
    [InlineData(0xC0000094, -1, 0ul, 0ul)] // division by zero: no fault of a hypercall, and yet no dead process
    public void A_fault_on_the_instruction_goes_to_the_fault_exit(uint code, long trap, ulong information, ulong address)
    {
        MadeUpException made = new(code, slot: 3, StubLayout.Instruction, parameters: 2, information);

        Assert.Equal(ContinueExecution, made.Handle());
        Assert.Equal((ulong)made.Slot + StubLayout.FaultExit, made[Rip]);
        Assert.Equal((code, (ulong)trap, 0ul, address, address), (made[Rax], made[Rcx], made[Rdx], made[Rsi], made[Rdi]));
    }

    [Theory]
    [InlineData(0xC0000005, 0, StubLayout.Instruction - 4)]        // a load of the frame
    [InlineData(0xC0000005, 0, StubLayout.Instruction + 4)]        // a store to the frame
    [InlineData(0xC000001D, -1, StubLayout.Instruction)]           // the page before the arena
    [InlineData(0xC000001D, 4, StubLayout.Instruction)]            // the page behind it
    [InlineData(0xC000001D, 0x1_0000, StubLayout.Instruction)]
    [InlineData(0x406D1388, 0, StubLayout.Instruction)]            // no error: the name of a thread
    [InlineData(0x80000001, 0, StubLayout.Instruction)]            // a guard page
    [InlineData(0x80000003, 0, StubLayout.Instruction)]            // a breakpoint
    [InlineData(0x80000004, 0, StubLayout.Instruction)]            // a single step
    public void Any_other_exception_is_searched_on(uint code, int slot, int offset)
    {
        MadeUpException made = new(code, slot, offset, parameters: 2, 0x10);

        Assert.Equal(ContinueSearch, made.Handle());
        Assert.Equal((ulong)made.Slot + (ulong)offset, made[Rip]);
    }

    private sealed class MadeUpException
    {
        private static readonly CodeArena Code = TestTarget.CanExecute ? new(CodePages.Current, 4, "test pages") : null!;
        private static readonly CodeArena Stubs = TestTarget.CanExecute ? new(CodePages.Current, 4, "test stubs") : null!;
        private static readonly Lazy<nint> Handler = new(() =>
        {
            nint handler = Code.Add(address => HandlerAssembler.ForVectoredExceptions(Stubs, address));
            if (OperatingSystem.IsWindows())
            {
                return handler;
            }

            Assembler thunk = new(64); // System V's first argument to Windows' first
            thunk.mov(rcx, rdi);
            thunk.mov(rax, (ulong)handler);
            thunk.jmp(rax);
            return Code.Add(address => StubAssembler.Encode(thunk, (ulong)address));
        });

        private readonly byte[] _context = GC.AllocateArray<byte>(1232, pinned: true);
        private readonly byte[] _record = GC.AllocateArray<byte>(152, pinned: true);
        private readonly nint[] _pointers = GC.AllocateArray<nint>(2, pinned: true);

        public MadeUpException(uint code, int slot, int offset, int parameters, ulong information)
        {
            Assert.SkipUnless(TestTarget.CanExecute, "Machine code is emitted for x86-64 on Linux and Windows only.");
            Slot = Stubs.Start + ((nint)slot << StubLayout.SlotShift);
            _ = BitConverter.TryWriteBytes(_record, code);
            _ = BitConverter.TryWriteBytes(_record.AsSpan(24), parameters);
            _ = BitConverter.TryWriteBytes(_record.AsSpan(40), information);
            _ = BitConverter.TryWriteBytes(_context.AsSpan(Rip), (ulong)Slot + (ulong)offset);
            fixed (byte* record = _record, context = _context)
            {
                _pointers[0] = (nint)record;
                _pointers[1] = (nint)context;
            }
        }

        public nint Slot { get; }

        public ulong this[int register] => BitConverter.ToUInt64(_context, register);

        public int Handle()
        {
            fixed (nint* pointers = _pointers)
            {
                return ((delegate* unmanaged<nint*, int>)Handler.Value)(pointers);
            }
        }
    }

    [Theory]
    [InlineData(0u, false)]
    [InlineData(1u, true)]   // EnableUserShadowStack
    [InlineData(2u, false)]  // AuditUserShadowStack only reports
    public void A_process_whose_shadow_stack_would_end_it_is_refused(uint policy, bool isRefused)
    {
        Exception? e = Record.Exception(() => WindowsFaultGuard.ThrowIfShadowStack(policy));
        Assert.Equal(isRefused, e is PlatformNotSupportedException);
        Assert.True(!isRefused || e!.Message.Contains("CETCompat", StringComparison.Ordinal));
    }
}
