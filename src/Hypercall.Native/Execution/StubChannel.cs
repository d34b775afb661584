using System.Runtime.CompilerServices;
using Hypercall.Native.Guard;

namespace Hypercall.Native.Execution;

/// <summary>One hypercall instruction of the CPU under this process.</summary>
internal sealed unsafe class StubChannel : IHypercallChannel
{
    private readonly delegate* unmanaged<HypercallRegisters*, NativeFault*, int> _stub;
    private readonly FaultGuard _guard;
    private readonly nint _instructionAddress;

    public StubChannel(HypercallTarget target)
    {
        Target = target;
        ExecutionEngine engine = ExecutionEngine.Shared;
        _guard = engine.Guard;
        Stub stub = engine.GetStub(target.Instruction.Encoding.Span);
        _stub = (delegate* unmanaged<HypercallRegisters*, NativeFault*, int>)stub.Entry;
        _instructionAddress = stub.InstructionAddress;
        _guard.Verify();
    }

    public HypercallTarget Target { get; }

    [SkipLocalsInit]
    public HypercallStatus TryInvoke(ref HypercallRegisters registers)
    {
        if (!FaultGuard.IsTrusted)
        {
            _guard.Look();
        }

        NativeFault fault;
        int faulted;
        fixed (HypercallRegisters* frame = &registers)
        {
            faulted = _stub(frame, &fault);
        }

        return faulted == 0 ? HypercallStatus.Completed : Describe(in fault);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private HypercallStatus Describe(in NativeFault fault) => HypercallStatus.Faulted(FaultKinds.Judge(in fault) with
    {
        InstructionAddress = new GuestVirtualAddress((ulong)_instructionAddress),
        Target = Target,
    });
}
