using System.Runtime.CompilerServices;

namespace Hypercall.Testing;

/// <summary>What becomes of an instruction: entry, the VMM's function, return, and the faults in between.</summary>
internal sealed class FakeCpu(FakeRun run, FakeClock clock, FakeKernel kernel, FakeVmmMemory memory)
{
    // So often in a row the VMM may inject a #PF for a page that is there: the guest's kernel has nothing to bring in, and it
    // would go on for ever.
    private const int MaxSpurious = 16;

    // Below everything that the fake guest allocates. Faults report it, so that a #PF on the instruction can be told from one
    // on a buffer.
    private static readonly GuestVirtualAddress InstructionAddress = new(0x7eff_0000_0040);

    // #PF error code: P, W/R and U/S, Intel SDM vol. 3A, section 4.7.
    private const PageFaultErrorCode WriteByUserToPresentPage = (PageFaultErrorCode)7;

    private long _unheard;

    /// <summary>How many calls reached the VMM.</summary>
    public long Calls => run.Calls - Interlocked.Read(ref _unheard);

    /// <summary>One instruction, from its entry to what the guest gets back.</summary>
    /// <param name="state">The VMM.</param>
    /// <param name="exit">The instruction.</param>
    /// <param name="hasPort">Whether the guest's kernel allows a program ports.</param>
    /// <param name="registers">The registers.</param>
    /// <returns>The fault that it raised, with an address for a #PF; null if it completed.</returns>
    public StrongBox<CpuFault>? Run(FakeMachineState state, FakeExit exit, bool hasPort, ref HypercallRegisters registers)
    {
        run.ThrowIfFailed();
        FakeCall call = new(run.NextCall(), state, exit, memory, in registers);
        FakeAccessContext context = clock.HasPlan ? FakeAccessContext.Argument(call.FirstAddress) : FakeAccessContext.Nothing;
        if (run.IsRecording)
        {
            run.Tell(FakeActor.Guest, call.Describe());
        }

        clock.EdgeStep(FakeInjectionPointKind.BeforeEntry, call, context);
        StrongBox<CpuFault>? fault = Raised(state, exit, hasPort, in registers);
        if (fault is null && !call.IsEnded && call.IsHeard)
        {
            fault = Handle(call, in registers);
        }
        else
        {
            _ = Interlocked.Increment(ref _unheard);
            if (fault is null && !call.IsEnded)
            {
                call.AnswerAsHardware();
            }
        }

        clock.EdgeStep(FakeInjectionPointKind.BeforeReturn, call, context);
        fault ??= Conclude(call, in registers);
        if (run.IsRecording)
        {
            run.Tell(
                FakeActor.Vmm,
                fault is null ? call.DescribeAnswer() : $"call {call.Ordinal} ends in {fault.Value.Mnemonic}");
        }

        call.IsOver = true;
        clock.EdgeStep(FakeInjectionPointKind.AfterReturn, call, context);
        if (fault is null)
        {
            registers = call.Current;
        }
        else
        {
            fault.Value = fault.Value with { InstructionAddress = InstructionAddress };
        }

        return fault;
    }

    private static StrongBox<CpuFault>? Raised(
        FakeMachineState state, FakeExit exit, bool hasPort, in HypercallRegisters registers)
    {
        CpuFaultKind kind = exit is { Kind: FakeExitKind.In or FakeExitKind.Out, Cpl: not 0 } && !hasPort
            ? CpuFaultKind.GeneralProtection // Intel SDM vol. 1, section 19.5.2: I/O permission bit map
            : state.Personality.Fault(exit, in registers);
        return kind switch
        {
            CpuFaultKind.None => null,
            CpuFaultKind.PageFault => PageFault(InstructionAddress.Value, WriteByUserToPresentPage),
            _ => Plain(kind),
        };
    }

    private static StrongBox<CpuFault> Plain(CpuFaultKind kind) =>
        new(new CpuFault(kind) { Address = kind == CpuFaultKind.InvalidOpcode ? InstructionAddress : default });

    private static StrongBox<CpuFault> PageFault(ulong address, PageFaultErrorCode code) =>
        new(new CpuFault(CpuFaultKind.PageFault) { Address = new GuestVirtualAddress(address), ErrorCode = (ulong)code });

    /// <summary>
    /// Lets the VMM's function run, again and again as long as it injects a #PF that the guest's kernel can resolve.
    /// </summary>
    private StrongBox<CpuFault>? Handle(FakeCall call, in HypercallRegisters entry)
    {
        int spurious = 0;
        while (true)
        {
            call.Answer();
            if (call.Injected is not { } injected)
            {
                return null;
            }

            call.Restart(in entry);
            run.Count();
            if (!PageTableEntry.IsCanonical(injected.Address, kernel.Pages.Tables.Paging))
            {
                // What a CPU raises for such an address: Intel SDM vol. 1, section 3.3.7.1.
                return Plain(CpuFaultKind.GeneralProtection);
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
                    return PageFault(injected.Address, injected.ErrorCode);
                }
            }

            _ = Interlocked.Decrement(ref _unheard); // it is heard once more than it was made
        }
    }

    /// <summary>What a planned fault makes of the answer.</summary>
    private static StrongBox<CpuFault>? Conclude(FakeCall call, in HypercallRegisters entry)
    {
        if (call.Verdict is not { } verdict)
        {
            if (call.Clobbers)
            {
                call.Clobber(in entry);
            }

            return null;
        }

        call.Restart(in entry);
        switch (verdict.Kind)
        {
            case FakeFaultKind.InvalidOpcode:
                return Plain(CpuFaultKind.InvalidOpcode);
            case FakeFaultKind.GeneralProtection:
                return Plain(CpuFaultKind.GeneralProtection);
            case FakeFaultKind.PageFault:
                return PageFault(call.FirstAddress, PageFaultErrorCode.User);
            case FakeFaultKind.Refuse:
                call.Personality.Refuse(call.Exit, ref call.Registers);
                return null;
            case FakeFaultKind.RefuseForeign:
                call.Personality.AnswerForeign(verdict.Value, ref call.Registers);
                return null;
            default:
                call.Result = 0; // the name is lost
                return null;
        }
    }
}
