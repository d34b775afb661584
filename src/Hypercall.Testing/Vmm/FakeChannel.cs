namespace Hypercall.Testing;

/// <summary>One instruction on the way to a fake VMM.</summary>
internal sealed class FakeChannel(FakeMachine vmm, HypercallInstruction instruction, int cpl = 3) : IHypercallChannel
{
    // Below everything that the fake guest allocates. Faults report it, so that a #PF on the instruction can be told from one on a buffer.
    private static readonly GuestVirtualAddress InstructionAddress = new(0x7eff_0000_0040);

    // What Linux reports: asm-generic/signal.h, and the vectors of Intel SDM vol. 3A, table 6-1.
    private const uint SigIll = 4;
    private const uint SigSegv = 11;
    private const ulong WriteByUserToPresentPage = 7; // #PF error code: P, W/R and U/S, Intel SDM vol. 3A, section 4.7

    private readonly FakeVendor? _vendor = FakeVendor.All.FirstOrDefault(vendor => vendor.Encodes(instruction));

    public HypercallStatus TryInvoke(ref HypercallRegisters registers)
    {
        FakeMachineState state = vmm.State;
        bool isRight = _vendor is not null && (state.Vendor is null || ReferenceEquals(state.Vendor, _vendor));
        CpuFault? fault = !isRight || state.Personality == FakeVmmPersonality.None ? Fault(state) : null;
        return vmm.Run(state, instruction, cpl, ref registers, fault) is { } raised
            ? HypercallStatus.Faulted(Complete(raised, state))
            : HypercallStatus.Completed;
    }

    /// <summary>Adds what Linux reports with a fault that the VMM raised.</summary>
    private CpuFault Complete(CpuFault fault, FakeMachineState state) => fault with
    {
        Code = fault.Kind == CpuFaultKind.InvalidOpcode ? SigIll : SigSegv,
        TrapNumber = fault.Kind switch { CpuFaultKind.InvalidOpcode => 6, CpuFaultKind.GeneralProtection => 13, _ => 14 },
        Address = fault.Kind == CpuFaultKind.InvalidOpcode ? InstructionAddress : fault.Address,
        InstructionAddress = InstructionAddress,
        Target = new HypercallTarget(state.Cpu, vmm.ProviderOf(_vendor) ?? new FakeProvider(vmm, new FakeVendor("none", instruction))),
    };

    private CpuFault Fault(FakeMachineState state) => state.Personality != FakeVmmPersonality.Kvm || _vendor is null ? new CpuFault(CpuFaultKind.InvalidOpcode)
        : ReferenceEquals(state.Vendor, FakeVendor.Amd) ? new CpuFault(CpuFaultKind.GeneralProtection)
        : new CpuFault(CpuFaultKind.PageFault) { Address = InstructionAddress, ErrorCode = WriteByUserToPresentPage };
}
