using System.Globalization;
using Hypercall.Native.Interop;

namespace Hypercall.Linux;

/// <summary>The way down through the module: HYPERCALL_CALL.</summary>
internal sealed unsafe class KernelModuleChannel(HypercallTarget target, DeviceAccess device, IDeviceKernel? kernel)
    : IHypercallChannel, IDisposable
{
    private const string Parameter = "/sys/module/hypercall/parameters/allow";

    private RefusedCall? _last;

    /// <summary>Opens the device with the rights of now; a call tries again where that fails.</summary>
    public void TryOpen() => _ = device.Get(out DeviceProblem? _);

    public HypercallStatus TryInvoke(ref HypercallRegisters registers)
    {
        if (device.Get(out ChannelRefusal? refusal) is not { } file)
        {
            return HypercallStatus.Refused(refusal!);
        }

        ModuleAbi.Call call = new(in registers);
        long answer = file.Control(ModuleAbi.CallCommand, &call);
        if (answer != 0)
        {
            return HypercallStatus.Refused(Refusal(answer, registers.Rax));
        }

        if (call.Fault != 0)
        {
            return HypercallStatus.Faulted(new CpuFault(KindOf(call.Fault)) { TrapNumber = (int)call.Fault, Target = target });
        }

        call.CopyTo(ref registers);
        return HypercallStatus.Completed;
    }

    public void Dispose() => device.Dispose();

    // Intel SDM vol. 3A, section 6.15 "Exception and Interrupt Reference".
    private static CpuFaultKind KindOf(uint vector) => vector switch
    {
        6 => CpuFaultKind.InvalidOpcode,
        13 => CpuFaultKind.GeneralProtection,
        14 => CpuFaultKind.PageFault,
        _ => CpuFaultKind.Other,
    };

    // Who is refused once is refused again, most often for the same number: that one is kept.
    private ChannelRefusal Refusal(long answer, ulong rax)
    {
        if (Volatile.Read(ref _last) is { } last && last.Answer == answer && last.Rax == rax)
        {
            return last.Refusal;
        }

        RefusedCall made = new(answer, rax, Describe(answer, rax));
        Volatile.Write(ref _last, made);
        return made.Refusal;
    }

    private ChannelRefusal Describe(long answer, ulong rax)
    {
        int error = answer is < 0 and > int.MinValue ? (int)-answer : 0;
        string call = string.Create(
            CultureInfo.InvariantCulture,
            $"ioctl(HYPERCALL_CALL) with RAX 0x{rax:x}: {(error == 0 ? $"it answered {answer}" : Errno.Describe(error))}");
        (string? why, string remedy) = error switch
        {
            Errno.EACCES => (
                "the module's allow-list does not name the call",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Root names it, for the convention that this machine's VMM reads and for no other; for a number in RAX of "
                    + $"BitVisor's that is: echo bitvisor:{rax} >{Parameter} (docs/kernel-module.md).")),
            Errno.EPERM when kernel?.Lockdown is { } lockdown => (
                $"the kernel is locked down ({lockdown}), and the list that was compiled into the module does not name the call",
                "Lockdown comes with Secure Boot, or with lockdown= on the kernel's command line (kernel_lockdown(7)): build and "
                + "sign the module with the call in its list (docs/kernel-module.md)."),
            Errno.EPERM => (
                "the kernel is locked down and the list that was compiled into the module does not name the call, or a sandbox "
                + "(a seccomp filter) refuses ioctl",
                "Build and sign the module with the call in its list (docs/kernel-module.md), or let the sandbox allow ioctl on "
                + "the device."),
            Errno.ENODEV => (null, "The module is gone: open the machine anew once it is loaded again."),
            _ => (null, "That is all that the kernel says. Take another way down."),
        };
        return new ChannelRefusal(
            device.Name, why is null ? call : $"{call}: {why}", remedy, error, DeviceProblem.IsTransient(error));
    }

    private sealed record RefusedCall(long Answer, ulong Rax, ChannelRefusal Refusal);
}
