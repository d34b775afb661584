namespace Hypercall.Testing;

/// <summary>One instruction on the way to a fake VMM.</summary>
internal sealed class FakeChannel(FakeMachine vmm, HypercallInstruction instruction, int cpl, int cpu) : IHypercallChannel
{
    // What Linux reports: asm-generic/signal.h, and the vectors of Intel SDM vol. 3A, table 6-1.
    private const uint SigIll = 4;
    private const uint SigSegv = 11;

    private FakeExit? _exit;

    public HypercallStatus TryInvoke(ref HypercallRegisters registers)
    {
        FakeMachineState state = vmm.StateOn(cpu);
        FakeExit? exit = _exit;
        if (exit is null || !ReferenceEquals(exit.Cpu, state.Cpu))
        {
            _exit = exit = state.ExitBy(instruction, cpl); // the CPU was changed
        }

        return vmm.Run(state, exit, ref registers) is { } fault ? Faulted(in fault.Value, state) : HypercallStatus.Completed;
    }

    /// <summary>Adds what Linux reports with a fault that the VMM raised.</summary>
    private HypercallStatus Faulted(in CpuFault fault, FakeMachineState state) => HypercallStatus.Faulted(fault with
    {
        Code = fault.Kind == CpuFaultKind.InvalidOpcode ? SigIll : SigSegv,
        TrapNumber = fault.Kind switch { CpuFaultKind.InvalidOpcode => 6, CpuFaultKind.GeneralProtection => 13, _ => 14 },
        Target = new HypercallTarget(state.Cpu, vmm.ProviderOf(instruction) ?? new FakeProvider(vmm, "none", instruction)),
    });
}
