using System.Globalization;

namespace Hypercall.Testing;

/// <summary>What becomes of an instruction: entry, the VMM's function, return, and the faults in between.</summary>
internal sealed class FakeCpu(FakeRun run, FakeKernel kernel, FakeVmmMemory memory)
{
    // So often in a row the VMM may inject a #PF for a page that is there: the guest's kernel has nothing to bring in, and it would go on for ever.
    private const int MaxSpurious = 16;

    private long _calls;

    /// <summary>How many calls reached the VMM.</summary>
    public long Calls => Interlocked.Read(ref _calls);

    /// <summary>One instruction, from its entry to what the guest gets back.</summary>
    /// <param name="state">The VMM.</param>
    /// <param name="instruction">The instruction, for the trace.</param>
    /// <param name="cpl">The privilege level of the caller.</param>
    /// <param name="registers">The registers.</param>
    /// <param name="fault">The fault that the instruction itself raises here; null if it reaches the VMM.</param>
    /// <returns>The fault that it raises after all, with an address for a #PF; null if it completed.</returns>
    public CpuFault? Run(FakeMachineState state, HypercallInstruction instruction, int cpl, ref HypercallRegisters registers, CpuFault? fault)
    {
        run.ThrowIfFailed();
        FakeCallState call = new(run.NextCall(), in registers, cpl);
        FakeAccessContext context = FakeAccessContext.Argument(registers.Rbx);
        if (run.IsRecording)
        {
            run.Tell(FakeActor.Guest, string.Create(CultureInfo.InvariantCulture,
                $"call {call.Number}: {instruction.Mnemonic} RAX={registers.Rax} ({NameOf(state, registers.Rax)}) RBX=0x{registers.Rbx:x} RCX=0x{registers.Rcx:x} RDX=0x{registers.Rdx:x}"));
        }

        run.CallStep(FakeInjectionPointKind.BeforeEntry, call, context);
        if (fault is null && call.Verdict is null)
        {
            fault = Handle(state, call, ref registers);
        }

        run.CallStep(FakeInjectionPointKind.BeforeReturn, call, context);
        fault ??= Conclude(state, call, ref registers);

        if (run.IsRecording)
        {
            run.Tell(FakeActor.Vmm, fault is { } raised
                ? $"call {call.Number} ends in {raised.Mnemonic}"
                : string.Create(CultureInfo.InvariantCulture, $"returns from call {call.Number}: RAX=0x{registers.Rax:x} RBX=0x{registers.Rbx:x} RCX=0x{registers.Rcx:x}"));
        }

        call.IsOver = true;
        run.CallStep(FakeInjectionPointKind.AfterReturn, call, context);
        return fault;
    }

    /// <summary>A second virtual CPU calls the function that is being called.</summary>
    public void CallFromSecond(FakeMachineState state, FakeCallState call)
    {
        HypercallRegisters registers = new() { Rax = call.Entry.Rax };
        Answer(state, new FakeCallState(call.Number, in registers, call.Cpl, isNested: true), ref registers);
    }

    /// <summary>Lets the VMM's function run, again and again as long as it injects a #PF that the guest's kernel can resolve.</summary>
    private CpuFault? Handle(FakeMachineState state, FakeCallState call, ref HypercallRegisters registers)
    {
        int spurious = 0;
        while (true)
        {
            registers = call.Entry;
            call.Written = 0;
            _ = Interlocked.Increment(ref _calls);
            Answer(state, call, ref registers);
            if (call.Injected is not { } injected)
            {
                return null;
            }

            registers = call.Entry;
            call.Injected = null;
            run.RerunStep();
            if (!PageTableEntry.IsCanonical(injected.Address, kernel.Tables.Paging))
            {
                return new CpuFault(CpuFaultKind.GeneralProtection); // what a CPU raises for such an address: Intel SDM vol. 1, section 3.3.7.1
            }

            lock (run.Gate)
            {
                if (run.IsRecording)
                {
                    run.Tell(FakeActor.Vmm, $"injects #PF for 0x{injected.Address:x}, error code 0x{(ulong)injected.ErrorCode:x}: the instruction runs again");
                }

                bool isResolved = kernel.TryResolve(injected.Address, injected.ErrorCode.HasFlag(PageFaultErrorCode.Write), out bool isSpurious);
                spurious = isSpurious ? spurious + 1 : 0;
                if (!isResolved || spurious > MaxSpurious)
                {
                    return new CpuFault(CpuFaultKind.PageFault) { Address = new GuestVirtualAddress(injected.Address), ErrorCode = (ulong)injected.ErrorCode };
                }
            }
        }
    }

    private void Answer(FakeMachineState state, FakeCallState current, ref HypercallRegisters registers)
    {
        switch (state.Personality)
        {
            case FakeVmmPersonality.BitVisor when registers.Rax == 0:
                registers.Rax = LookUp(state.Functions, new FakeCall(FakeFunctions.GetVmmcallNumber, in registers, current.Cpl, memory, current));
                break;
            case FakeVmmPersonality.BitVisor when state.Functions.Find(registers.Rax) is { } function:
                FakeCall call = new(function.Name, in registers, current.Cpl, memory, current);
                function.Handler(call);
                registers = call.Registers;
                break;
            case FakeVmmPersonality.BitVisor:
                registers.Rax = 0;
                break;
            case FakeVmmPersonality.Kvm:
                registers.Rax = unchecked((ulong)-1L); // -KVM_EPERM: Linux, arch/x86/kvm/x86.c, kvm_emulate_hypercall
                break;
        }
    }

    /// <summary>What a planned fault makes of the answer.</summary>
    private static CpuFault? Conclude(FakeMachineState state, FakeCallState call, ref HypercallRegisters registers)
    {
        if (call.Verdict is { } verdict)
        {
            registers = call.Entry;
            switch (verdict.Kind)
            {
                case FakeFaultKind.RefuseForeign:
                    registers.Rax = verdict.Value;
                    return null;
                case FakeFaultKind.InvalidOpcode:
                    return new CpuFault(CpuFaultKind.InvalidOpcode);
                case FakeFaultKind.GeneralProtection:
                    return new CpuFault(CpuFaultKind.GeneralProtection);
                case FakeFaultKind.PageFault:
                    return new CpuFault(CpuFaultKind.PageFault) { Address = new GuestVirtualAddress(registers.Rbx), ErrorCode = (ulong)PageFaultErrorCode.User };
                default:
                    return null; // refused, or the name lost: RAX is as it was, 0 for a look-up
            }
        }

        if (call.Clobbers && registers.Rax != call.Entry.Rax && state.Personality == FakeVmmPersonality.BitVisor)
        {
            Clobber(call, ref registers);
        }

        return null;
    }

    // Only of a function that did its work: one that refused wrote nothing. RAX and what it wrote are its answer.
    private static void Clobber(FakeCallState call, ref HypercallRegisters registers)
    {
        ReadOnlySpan<GeneralRegister> arguments = [GeneralRegister.Rbx, GeneralRegister.Rcx, GeneralRegister.Rdx, GeneralRegister.Rsi, GeneralRegister.Rdi];
        HypercallRegisters entry = call.Entry;
        foreach (GeneralRegister register in arguments)
        {
            // One that was written with the value that it had is an answer, too.
            if (registers[register] == entry[register] && (call.Written & (1u << (int)register)) == 0)
            {
                registers[register] = 0xC10B_BE4E_D000_0000 + (ulong)register;
            }
        }
    }

    private static string NameOf(FakeMachineState state, ulong number) =>
        number == 0 ? FakeFunctions.GetVmmcallNumber : state.Functions.Find(number)?.Name ?? "no function";

    private static ulong LookUp(FakeFunctions functions, FakeCall call)
    {
        GuestVirtualAddress address = new(call.Rbx);
        Span<byte> bytes = stackalloc byte[FakeFunctions.MaxNameBytes];
        int length = 0;
        while (length < bytes.Length)
        {
            // Page by page: what lies behind the NUL must not be walked, for the next page may be absent.
            int inPage = Math.Min(bytes.Length - length, GuestPage.Size - address.PageOffset);
            Span<byte> chunk = bytes.Slice(length, inPage);
            if (!call.TryReadVirtual(address, chunk, out _))
            {
                return 0;
            }

            int nul = chunk.IndexOf((byte)0);
            if (nul >= 0)
            {
                return (ulong)functions.Find(bytes[..(length + nul)]);
            }

            length += inPage;
            address = new GuestVirtualAddress(unchecked(address.Value + (ulong)inPage));
        }

        return 0;
    }
}
