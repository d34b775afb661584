namespace Hypercall.Testing;

/// <summary>What becomes of an instruction: entry, the VMM's function, return, and the faults in between.</summary>
internal sealed class FakeCpu(FakeRun run, FakeKernel kernel, FakeVmmMemory memory)
{
    // So often in a row the VMM may inject a #PF for a page that is there: the guest's kernel has nothing to bring in, and it would go on for ever.
    private const int MaxSpurious = 16;

    // Below everything that the fake guest allocates. Faults report it, so that a #PF on the instruction can be told from one on a buffer.
    private static readonly GuestVirtualAddress InstructionAddress = new(0x7eff_0000_0040);

    // #PF error code: P, W/R and U/S, Intel SDM vol. 3A, section 4.7.
    private const ulong WriteByUserToPresentPage = 7;

    private long _unheard;

    /// <summary>How many calls reached the VMM.</summary>
    public long Calls => run.Calls - Interlocked.Read(ref _unheard);

    /// <summary>One instruction, from its entry to what the guest gets back.</summary>
    /// <param name="state">The VMM.</param>
    /// <param name="exit">The instruction.</param>
    /// <param name="hasPort">Whether the guest's kernel allows a program ports.</param>
    /// <param name="registers">The registers.</param>
    /// <param name="fault">The fault that it raised, with an address for a #PF.</param>
    /// <returns>Whether it completed.</returns>
    public bool TryRun(FakeMachineState state, FakeExit exit, bool hasPort, ref HypercallRegisters registers, out CpuFault fault)
    {
        run.ThrowIfFailed();
        FakeCall call = new(run.NextCall(), state, exit, memory, in registers);
        FakeAccessContext context = run.HasPlan ? FakeAccessContext.Argument(call.FirstAddress) : FakeAccessContext.Nothing;
        if (run.IsRecording)
        {
            run.Tell(FakeActor.Guest, call.Describe());
        }

        run.CallStep(FakeInjectionPointKind.BeforeEntry, call, context);
        fault = Raised(state, exit, hasPort, in registers);
        if (fault.Kind != CpuFaultKind.None || call.Verdict is not null)
        {
            _ = Interlocked.Increment(ref _unheard);
        }
        else
        {
            Handle(call, in registers, ref fault);
        }

        run.CallStep(FakeInjectionPointKind.BeforeReturn, call, context);
        if (fault.Kind == CpuFaultKind.None)
        {
            Conclude(call, in registers, ref fault);
        }

        if (run.IsRecording)
        {
            run.Tell(FakeActor.Vmm, fault.Kind != CpuFaultKind.None
                ? $"call {call.Ordinal} ends in {fault.Mnemonic}"
                : call.DescribeAnswer());
        }

        call.IsOver = true;
        run.CallStep(FakeInjectionPointKind.AfterReturn, call, context);
        if (fault.Kind != CpuFaultKind.None)
        {
            fault = fault with { InstructionAddress = InstructionAddress };
            return false;
        }

        registers = call.Registers;
        return true;
    }

    private static CpuFault Raised(FakeMachineState state, FakeExit exit, bool hasPort, in HypercallRegisters registers)
    {
        CpuFaultKind kind = exit is { Kind: FakeExitKind.Port, Cpl: not 0 } && !hasPort
            ? CpuFaultKind.GeneralProtection // Intel SDM vol. 1, section 19.5.2: I/O permission bit map
            : state.Personality.Fault(exit, in registers);
        return kind switch
        {
            CpuFaultKind.None => default,
            CpuFaultKind.PageFault => new CpuFault(kind) { Address = InstructionAddress, ErrorCode = WriteByUserToPresentPage },
            CpuFaultKind.InvalidOpcode => new CpuFault(kind) { Address = InstructionAddress },
            _ => new CpuFault(kind),
        };
    }

    /// <summary>Lets the VMM's function run, again and again as long as it injects a #PF that the guest's kernel can resolve.</summary>
    private void Handle(FakeCall call, in HypercallRegisters entry, ref CpuFault fault)
    {
        int spurious = 0;
        while (true)
        {
            call.Answer();
            if (call.Injected is not { } injected)
            {
                return;
            }

            call.Restart(in entry);
            run.RerunStep();
            if (!PageTableEntry.IsCanonical(injected.Address, kernel.Tables.Paging))
            {
                fault = new CpuFault(CpuFaultKind.GeneralProtection); // what a CPU raises for such an address: Intel SDM vol. 1, section 3.3.7.1
                return;
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
                    fault = new CpuFault(CpuFaultKind.PageFault) { Address = new GuestVirtualAddress(injected.Address), ErrorCode = (ulong)injected.ErrorCode };
                    return;
                }
            }

            _ = Interlocked.Decrement(ref _unheard); // it is heard once more than it was made
        }
    }

    /// <summary>What a planned fault makes of the answer.</summary>
    private static void Conclude(FakeCall call, in HypercallRegisters entry, ref CpuFault fault)
    {
        if (call.Verdict is { } verdict)
        {
            call.Restart(in entry);
            switch (verdict.Kind)
            {
                case FakeFaultKind.Refuse:
                    call.Personality.Refuse(call.Exit, ref call.Registers);
                    break;
                case FakeFaultKind.RefuseForeign:
                    call.Personality.AnswerForeign(verdict.Value, ref call.Registers);
                    break;
                case FakeFaultKind.InvalidOpcode:
                    fault = new CpuFault(CpuFaultKind.InvalidOpcode) { Address = InstructionAddress };
                    break;
                case FakeFaultKind.GeneralProtection:
                    fault = new CpuFault(CpuFaultKind.GeneralProtection);
                    break;
                case FakeFaultKind.PageFault:
                    fault = new CpuFault(CpuFaultKind.PageFault) { Address = new GuestVirtualAddress(call.FirstAddress), ErrorCode = (ulong)PageFaultErrorCode.User };
                    break;
                default:
                    call.Result = 0; // the name is lost
                    break;
            }
        }
        else if (call.Clobbers)
        {
            call.Clobber(in entry);
        }
    }
}
