using Hypercall.Conformance.Interop;

namespace Hypercall.Conformance;

/// <summary>The way down from CPL 0, through the kernel module. R8 to R15 and RBP stay with the caller.</summary>
internal sealed class KernelChannel(KernelDevice device) : IHypercallChannel
{
    public HypercallStatus TryInvoke(ref HypercallRegisters registers)
    {
        KernelFrame frame = new() { Rax = registers.Rax, Rbx = registers.Rbx, Rcx = registers.Rcx, Rdx = registers.Rdx, Rsi = registers.Rsi, Rdi = registers.Rdi };
        switch (device.Call(ref frame))
        {
            case 0:
                (registers.Rax, registers.Rbx, registers.Rcx) = (frame.Rax, frame.Rbx, frame.Rcx);
                (registers.Rdx, registers.Rsi, registers.Rdi) = (frame.Rdx, frame.Rsi, frame.Rdi);
                return HypercallStatus.Completed;
            case Libc.OpNotSupp:
                return HypercallStatus.Faulted(new CpuFault(CpuFaultKind.InvalidOpcode) { TrapNumber = 6 });
            case int error:
                throw new IOException($"/dev/hypercall: error {error}");
        }
    }
}
