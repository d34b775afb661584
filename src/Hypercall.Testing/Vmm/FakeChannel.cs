namespace Hypercall.Testing;

/// <summary>One instruction on the way to a fake VMM.</summary>
/// <param name="vmm">The machine.</param>
/// <param name="way">Whose instruction it is, for faults; and what goes into each frame.</param>
/// <param name="instruction">The instruction.</param>
/// <param name="cpl">The privilege level that it is executed at.</param>
/// <param name="cpu">The CPU.</param>
internal sealed class FakeChannel(FakeMachine vmm, FakeProvider way, HypercallInstruction instruction, int cpl, int cpu)
    : IHypercallChannel
{
    // What Linux reports: asm-generic/signal.h, and the vectors of Intel SDM vol. 3A, table 6-1.
    private const uint SigIll = 4;
    private const uint SigSegv = 11;

    private readonly bool _fills = way.Constants.Count != 0;
    private FakeExit? _exit;

    public RegisterSet Carries => way.Carries;

    public RegisterSet Returns => way.Returns;

    public IReadOnlyList<KeyValuePair<RegisterField, ulong>> Constants => way.Constants;

    public HypercallStatus TryInvoke(ref HypercallRegisters registers) => _fills ? Fill(ref registers) : Execute(ref registers);

    private HypercallStatus Fill(ref HypercallRegisters registers)
    {
        HypercallRegisters filled = registers;
        foreach ((RegisterField field, ulong value) in way.Constants)
        {
            field.Write(ref filled, value);
        }

        HypercallStatus status = Execute(ref filled);
        if (status.IsCompleted)
        {
            registers = filled;
        }

        return status;
    }

    private HypercallStatus Execute(ref HypercallRegisters registers)
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
        Target = new HypercallTarget(state.Cpu, way),
    });
}
