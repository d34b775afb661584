namespace Hypercall.Conformance;

/// <summary>The way down from CPL 0, through the kernel module.</summary>
internal sealed class KernelChannel(KernelDevice device) : IHypercallChannel
{
    private const uint InvalidOpcode = 6; // #UD, Intel SDM volume 3, table "Protected-Mode Exceptions and Interrupts"

    public HypercallStatus TryInvoke(ref HypercallRegisters registers)
    {
        KernelFrame frame = new(in registers);
        if (device.Call(ref frame) is not 0 and int error)
        {
            throw new IOException($"/dev/hypercall: error {error}");
        }

        registers = frame.Registers;
        return frame.Fault switch
        {
            0 => HypercallStatus.Completed,
            InvalidOpcode => HypercallStatus.Faulted(new CpuFault(CpuFaultKind.InvalidOpcode) { TrapNumber = (int)frame.Fault }),
            _ => throw new IOException($"/dev/hypercall: fault {frame.Fault}"),
        };
    }
}
