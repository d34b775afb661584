using Hypercall.Native.Execution;
using Hypercall.Native.Interop;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hypercall.Native.Guard;

/// <summary>Assembles the handlers. Each fits a page, and lies at the address it is assembled for.</summary>
internal static class HandlerAssembler
{
    /// <summary>How often a fault may come by: far more than there are guards in a process.</summary>
    private const int MostPasses = 8;

    private const int ToFaultExit = StubLayout.FaultExit - StubLayout.Instruction;

    /// <summary>A handler for <c>sigaction</c> with SA_SIGINFO: EDI = signal, RSI = siginfo_t, RDX = ucontext_t.</summary>
    /// <remarks>
    /// <code>
    ///   RIP = the instruction of a slot, and a fault?  -- yes -->  registers for the fault exit, RIP = the fault exit, return
    ///     | no
    ///   the 8th time that this one came by?            -- yes -->  the default action: two handlers call each other
    ///     | no
    ///   count it, and on to the handler before
    /// </code>
    /// The count lies in the tail of siginfo_t, which belongs to this delivery of the signal alone, and which the kernel fills
    /// with zeros: no thread and no fault sees another's, and all guards in the process count together.
    /// </remarks>
    /// <param name="stubs">The slots it is responsible for.</param>
    /// <param name="next">The handler that was there before, SIG_DFL or SIG_IGN.</param>
    /// <param name="address">Where the code will lie.</param>
    public static byte[] ForSignals(CodeArena stubs, nint next, nint address)
    {
        // arch/x86/include/uapi/asm/sigcontext.h behind the 40 bytes of ucontext_t; include/uapi/asm-generic/siginfo.h
        const int UcRdi = 104, UcRsi = 112, UcRdx = 136, UcRax = 144, UcRcx = 152, UcRip = 168, UcError = 192, UcTrap = 200, UcCr2 = 216;
        const int InfoCode = 8, InfoAddress = 16;
        const int InfoPasses = 120;                   // the last word of SI_MAX_SIZE; the kernel uses 48 bytes, and clears the others
        const ulong NoPasses = 0x4859_5043_0000_0000; // "HYPC", so that a tail that is not cleared is not taken for a count

        Assembler code = new(64);
        Label other = code.CreateLabel();
        Label circle = code.CreateLabel();
        Label counted = code.CreateLabel();
        Match(code, __[rdx + UcRip], stubs, other);
        code.cmp(__dword_ptr[rsi + InfoCode], 0);
        code.jle(other); // sent by somebody who hit the moment: no fault

        code.mov(eax, edi);
        code.mov(__[rdx + UcRax], rax);
        Copy(code, __[rdx + UcTrap], __[rdx + UcRcx]);
        Copy(code, __[rdx + UcError], __[rdx + UcRdx]);
        Copy(code, __[rdx + UcCr2], __[rdx + UcRsi]);
        Copy(code, __[rsi + InfoAddress], __[rdx + UcRdi]);
        code.add(__qword_ptr[rdx + UcRip], ToFaultExit);
        code.ret();

        code.Label(ref other);
        if (next is Libc.SigDfl or Libc.SigIgn)
        {
            Default(code, isIgnored: next == Libc.SigIgn);
        }
        else
        {
            code.mov(rax, __[rsi + InfoPasses]);
            code.mov(r11, NoPasses);
            code.sub(rax, r11); // huge before the first time
            code.cmp(rax, MostPasses - 1);
            code.je(circle);
            code.jb(counted);
            code.xor(eax, eax);
            code.Label(ref counted);
            code.lea(rax, __[rax + r11 + 1]);
            code.mov(__[rsi + InfoPasses], rax);
            code.mov(rax, (ulong)next);
            code.jmp(rax); // arguments and stack as the kernel made them

            code.Label(ref circle);
            Default(code, isIgnored: false);
        }

        return StubAssembler.Encode(code, (ulong)address);

        // What the kernel would have done, had there been no handler.
        static void Default(Assembler code, bool isIgnored)
        {
            const int SysRtSigaction = 13, SysGetpid = 39, SysGettid = 186, SysTgkill = 234; // arch/x86/entry/syscalls/syscall_64.tbl
            Label done = code.CreateLabel();
            code.mov(r9d, edi);
            code.mov(r8d, __dword_ptr[rsi + InfoCode]);
            if (isIgnored)
            {
                code.test(r8d, r8d);
                code.jle(done); // sent, and ignored; a real fault the kernel does not let anybody ignore
            }

            // The kernel's struct sigaction, 32 bytes of zeros: SIG_DFL. The raw system call needs no restorer for that.
            code.xor(eax, eax);
            for (int i = 0; i < 4; i++)
            {
                code.push(rax);
            }

            code.mov(rsi, rsp);
            code.xor(edx, edx);
            code.mov(r10d, 8); // sizeof(kernel sigset_t)
            code.mov(eax, SysRtSigaction);
            code.syscall();
            code.add(rsp, 32);
            code.test(r8d, r8d);
            code.jg(done); // a real fault happens again on return, and now ends the process

            code.mov(eax, SysGetpid);
            code.syscall();
            code.mov(r8d, eax);
            code.mov(eax, SysGettid);
            code.syscall();
            code.mov(edi, r8d);
            code.mov(esi, eax);
            code.mov(edx, r9d);
            code.mov(eax, SysTgkill);
            code.syscall(); // blocked until the handler returns
            code.Label(ref done);
            code.ret();
        }
    }

    /// <summary>A vectored exception handler: RCX = EXCEPTION_POINTERS.</summary>
    /// <param name="stubs">The slots it is responsible for.</param>
    /// <param name="address">Where the code will lie.</param>
    public static byte[] ForVectoredExceptions(CodeArena stubs, nint address)
    {
        // winnt.h: CONTEXT (x64), EXCEPTION_RECORD
        const int CtxRax = 0x78, CtxRcx = 0x80, CtxRdx = 0x88, CtxRsi = 0xA8, CtxRdi = 0xB0, CtxRip = 0xF8;
        const int RecordCode = 0, RecordParameters = 24, RecordInformation = 32;
        const int IllegalInstruction = unchecked((int)0xC000001D), PrivilegedInstruction = unchecked((int)0xC0000096);
        const int AccessViolation = unchecked((int)0xC0000005), InPageError = unchecked((int)0xC0000006);
        const int SeverityError = unchecked((int)0xC0000000); // ntstatus.h: the two highest bits, 11 is an error and 10 a warning

        Assembler code = new(64);
        Label other = code.CreateLabel();
        Label known = code.CreateLabel();
        code.mov(r8, __[rcx]);     // ExceptionRecord
        code.mov(rdx, __[rcx + 8]); // ContextRecord
        Match(code, __[rdx + CtxRip], stubs, other);

        code.mov(r9d, __dword_ptr[r8 + RecordCode]);
        code.xor(r10d, r10d); // the address
        code.mov(eax, 6);
        code.cmp(r9d, IllegalInstruction);
        code.je(known);
        code.mov(eax, 13);
        code.cmp(r9d, PrivilegedInstruction);
        code.je(known);
        Label memory = code.CreateLabel();
        code.cmp(r9d, AccessViolation);
        code.je(memory);
        code.cmp(r9d, InPageError);
        code.je(memory);
        code.cmp(r9d, SeverityError);
        code.jb(other); // not an error: a thread name (0x4...), a breakpoint, a single step, a guard page (0x8...)
        code.mov(rax, -1L);
        code.jmp(known);

        // Windows reports a #GP that is no privileged instruction as a read of address -1.
        code.Label(ref memory);
        code.cmp(__dword_ptr[r8 + RecordParameters], 2);
        code.jb(other);
        code.mov(r10, __[r8 + RecordInformation + 8]);
        code.cmp(r10, -1);
        code.je(known);
        code.mov(eax, 14);

        code.Label(ref known);
        code.mov(__[rdx + CtxRcx], rax);
        code.mov(__[rdx + CtxRax], r9);
        code.xor(eax, eax);
        code.mov(__[rdx + CtxRdx], rax);
        code.mov(__[rdx + CtxRsi], r10);
        code.mov(__[rdx + CtxRdi], r10);
        code.add(__qword_ptr[rdx + CtxRip], ToFaultExit);
        code.mov(eax, -1); // EXCEPTION_CONTINUE_EXECUTION
        code.ret();

        code.Label(ref other);
        code.xor(eax, eax); // EXCEPTION_CONTINUE_SEARCH
        code.ret();
        return StubAssembler.Encode(code, (ulong)address);
    }

    /// <summary>
    /// Goes on if an address is that of the instruction of a slot, and jumps otherwise: the distance to the first instruction,
    /// rotated right by the bits of a slot, is the number of the slot, or huge.
    /// </summary>
    private static void Match(Assembler code, AssemblerMemoryOperand address, CodeArena stubs, Label other)
    {
        code.mov(rax, address);
        code.mov(r11, (ulong)(stubs.Start + StubLayout.Instruction));
        code.sub(rax, r11);
        code.ror(rax, StubLayout.SlotShift);
        code.cmp(rax, stubs.Capacity);
        code.jae(other);
    }

    private static void Copy(Assembler code, AssemblerMemoryOperand from, AssemblerMemoryOperand to)
    {
        code.mov(rax, from);
        code.mov(to, rax);
    }
}
