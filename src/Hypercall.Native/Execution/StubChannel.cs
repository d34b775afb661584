using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Hypercall.Native.Guard;

namespace Hypercall.Native.Execution;

/// <summary>One hypercall instruction of the CPU under this process.</summary>
internal sealed unsafe partial class StubChannel : IHypercallChannel, IManyFrames
{
    // Between two transitions the guard is looked after, and a thread can be suspended.
    private const int FramesPerTransition = 256;

    private readonly delegate* unmanaged<HypercallRegisters*, NativeFault*, HypercallRegisters*, int> _stub;
    private readonly FaultGuard _guard;
    private readonly nint _instructionAddress;
    private HypercallStatus _lastFault; // a reference: read and written whole

    public StubChannel(HypercallTarget target, HypercallInstruction? instruction = null)
    {
        Target = target;
        ExecutionEngine engine = ExecutionEngine.Shared;
        _guard = engine.Guard;
        Stub stub = engine.GetStub((instruction ?? target.Instruction!).Encoding.Span);
        _stub = (delegate* unmanaged<HypercallRegisters*, NativeFault*, HypercallRegisters*, int>)stub.Entry;
        _instructionAddress = stub.InstructionAddress;
        _guard.Verify();
    }

    public HypercallTarget Target { get; }

    public RegisterSet Carries => Target.Provider.Carries;

    public RegisterSet Returns => Target.Provider.Returns;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining)] // or what is said below of VZEROUPPER would be the caller's
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
            faulted = _stub(frame, &fault, frame + 1);
        }

        if (faulted == 0)
        {
            return HypercallStatus.Completed;
        }

        if (faulted > 1) // never: see there
        {
            ClearVectorsFirst();
        }

        return Describe(in fault);
    }

    /// <inheritdoc/>
    public HypercallStatus TryInvokeAll(Span<HypercallRegisters> frames, out int completed)
    {
        for (completed = 0; completed < frames.Length;)
        {
            if (!FaultGuard.IsTrusted)
            {
                _guard.Look();
            }

            NativeFault fault;
            int count = Math.Min(frames.Length - completed, FramesPerTransition);
            fixed (HypercallRegisters* first = &frames[completed])
            {
                if (_stub(first, &fault, first + count) != 0)
                {
                    completed += (int)((HypercallRegisters*)fault.Frame - first);
                    return Describe(in fault);
                }
            }

            completed += count;
        }

        return HypercallStatus.Completed;
    }

    // Never called: the stub returns 0 or 1. A call of a declared P/Invoke (one by pointer does not count) makes the JIT put
    // VZEROUPPER into the prologue of a method that has no 256-bit AVX: before the runtime's own P/Invoke helper, whose SSE costs
    // 175 ns while upper halves are in use (docs/numbers.md).
    [LibraryImport("hypercall-never-loaded")]
    private static partial void ClearVectorsFirst();

    // A program that meets a fault meets it again: what is the same is described once.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private HypercallStatus Describe(in NativeFault raised)
    {
        CpuFault fault = FaultKinds.Judge(in raised) with
        {
            InstructionAddress = new GuestVirtualAddress((ulong)_instructionAddress),
            Target = Target,
        };
        HypercallStatus last = _lastFault;
        return last.Fault == fault ? last : _lastFault = HypercallStatus.Faulted(in fault);
    }
}
