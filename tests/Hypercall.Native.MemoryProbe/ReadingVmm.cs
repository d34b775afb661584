using Hypercall.BitVisor;

namespace Hypercall.Native.MemoryProbe;

/// <summary>
/// A VMM in this very process: it knows one function, which reads RCX bytes at guest virtual address RBX and answers their sum in
/// RAX.
/// </summary>
internal sealed unsafe class ReadingVmm : IHypercallChannel
{
    public HypercallStatus TryInvoke(ref HypercallRegisters registers)
    {
        if (registers.Rax == 0)
        {
            registers.Rax = BitVisorClient.MaxFunctionNumber; // get_vmmcall_number
            return HypercallStatus.Completed;
        }

        ulong sum = 0;
        foreach (byte value in new ReadOnlySpan<byte>((void*)registers.Rbx, (int)registers.Rcx))
        {
            sum += value;
        }

        registers.Rax = sum;
        return HypercallStatus.Completed;
    }
}
