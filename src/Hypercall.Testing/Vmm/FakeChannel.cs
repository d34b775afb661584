namespace Hypercall.Testing;

/// <summary>One instruction on the way to a fake VMM.</summary>
internal sealed class FakeChannel(FakeVmm vmm, HypercallInstruction instruction) : IHypercallChannel
{
    // Below everything that the fake guest allocates. Faults report it, so that a #PF on the instruction can be told from one on a buffer.
    private static readonly GuestVirtualAddress InstructionAddress = new(0x7eff_0000_0040);

    // What Linux reports: asm-generic/signal.h, and the vectors of Intel SDM vol. 3A, table 6-1.
    private const uint SigIll = 4;
    private const uint SigSegv = 11;
    private const ulong WriteByUserToPresentPage = 7; // #PF error code: P, W/R and U/S, Intel SDM vol. 3A, section 4.7

    private readonly FakeProvider? _provider = FakeProvider.All.FirstOrDefault(provider => provider.Encodes(instruction));

    public HypercallStatus TryInvoke(ref HypercallRegisters registers)
    {
        FakeVmmState state = vmm.State;
        bool isRight = _provider is not null && (state.Provider is null || ReferenceEquals(state.Provider, _provider));
        if (!isRight || state.Personality == FakeVmmPersonality.None)
        {
            return HypercallStatus.Faulted(Fault(state));
        }

        vmm.Run(state, ref registers);
        return HypercallStatus.Completed;
    }

    private CpuFault Fault(FakeVmmState state)
    {
        HypercallTarget target = new(state.Cpu, _provider?.Name ?? "none", instruction);
        if (state.Personality == FakeVmmPersonality.Kvm && _provider is not null)
        {
            return ReferenceEquals(state.Provider, FakeProvider.Amd)
                ? new CpuFault(CpuFaultKind.GeneralProtection)
                {
                    Code = SigSegv,
                    TrapNumber = 13,
                    InstructionAddress = InstructionAddress,
                    Target = target,
                }
                : new CpuFault(CpuFaultKind.PageFault)
                {
                    Code = SigSegv,
                    TrapNumber = 14,
                    ErrorCode = WriteByUserToPresentPage,
                    Address = InstructionAddress,
                    InstructionAddress = InstructionAddress,
                    Target = target,
                };
        }

        return new CpuFault(CpuFaultKind.InvalidOpcode)
        {
            Code = SigIll,
            TrapNumber = 6,
            Address = InstructionAddress,
            InstructionAddress = InstructionAddress,
            Target = target,
        };
    }
}
