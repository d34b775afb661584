using System.Globalization;
using System.Runtime.InteropServices;
using Hypercall.Native.Interop;

namespace Hypercall.Linux;

/// <summary>The way down through Xen's device: IOCTL_PRIVCMD_HYPERCALL.</summary>
internal sealed unsafe class XenPrivcmdChannel(DeviceAccess device, RegisterSet carries, RegisterSet returns)
    : IHypercallChannel, IDisposable
{
    private const uint Command = ('P' << 8) | (48 << 16); // _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall))
    private const int LargestErrno = 4095;                // MAX_ERRNO, include/linux/err.h
    private const ulong EntriesOfPage = 128;              // PAGE_SIZE / sizeof(hypercall_page[0]), xen_single_call
    private const ulong XenVersion = 17;                  // __HYPERVISOR_xen_version; command 0: XENVER_version, for every guest

    private RefusedCall? _last;
    private bool _works; // it has answered

    public RegisterSet Carries => carries;

    public RegisterSet Returns => returns;

    public GeneralRegister? NumberRegister => GeneralRegister.Rax;

    /// <summary>Opens the device with the rights of now; a call tries again where that fails.</summary>
    public void TryOpen() => _ = device.Get(out DeviceProblem? _);

    public HypercallStatus TryInvoke(ref HypercallRegisters registers)
    {
        if (device.Get(out ChannelRefusal? refusal) is not { } file)
        {
            return HypercallStatus.Refused(refusal!);
        }

        if (registers.Rax > uint.MaxValue)
        {
            return HypercallStatus.Refused(Refusal(0, registers.Rax));
        }

        Call call = new(in registers);
        long answer = file.Control(Command, &call);
        int error = answer is < 0 and >= -LargestErrno ? (int)-answer : 0;
        if (error != 0 && IsDevices(file, error, registers.Rax))
        {
            return HypercallStatus.Refused(Refusal(error, registers.Rax));
        }

        Volatile.Write(ref _works, true);
        registers.Rax = (ulong)answer;
        return HypercallStatus.Completed;
    }

    public void Dispose() => device.Dispose();

    private bool IsDevices(DeviceFile file, int error, ulong number)
    {
        switch (error)
        {
            case Errno.ENOTTY:
                return true;
            case Errno.EINVAL when number >= EntriesOfPage: // Xen has 64 functions, and answers ENOSYS to others
                return true;
            case Errno.EPERM or Errno.EACCES or Errno.EBADF or Errno.ENODEV:
            case not 0 when !Volatile.Read(ref _works):
                Call version = new() { Number = XenVersion };
                return file.Control(Command, &version) < 0;
            default:
                return false;
        }
    }

    // Who is refused once is refused again, most often for the same number: that one is kept.
    private ChannelRefusal Refusal(int error, ulong number)
    {
        if (Volatile.Read(ref _last) is { } last && last.Error == error && last.Number == number)
        {
            return last.Refusal;
        }

        RefusedCall made = new(error, number, Describe(error, number));
        Volatile.Write(ref _last, made);
        return made.Refusal;
    }

    private ChannelRefusal Describe(int error, ulong number)
    {
        string call = string.Create(
            CultureInfo.InvariantCulture, $"ioctl(IOCTL_PRIVCMD_HYPERCALL) with number 0x{number:x}: {Errno.Describe(error)}");
        (string reason, string remedy) = error switch
        {
            0 => (
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"the device passes 32 bits of the number on, and 0x{number:x} would call 0x{(uint)number:x}"),
                "Xen's numbers are below 64: check it."),
            Errno.ENOTTY => (
                $"{call}: the file is not Xen's device",
                "Look what was put in its place; Xen's comes with the module xen-privcmd."),
            Errno.EINVAL when number >= EntriesOfPage => (
                $"{call}: this kernel passes numbers below {EntriesOfPage} on", "Xen's numbers are below 64: check it."),
            Errno.EPERM => (
                $"{call}, and so it answers a call of Xen's version: the kernel restricts the device in this guest (kernels of "
                + "2026 do so in unprivileged guests), or a sandbox refuses ioctl",
                "Make the call in dom0, or let whoever runs the machine lift it."),
            Errno.EACCES => (
                $"{call}, and so it answers a call of Xen's version: a security module refuses ioctl on the device",
                "Let whoever runs the machine allow it."),
            Errno.EBADF => (
                $"{call}, and so it answers a call of Xen's version: the channel's descriptor was closed by somebody else",
                "Find who closes descriptors that are not theirs, and open the machine anew."),
            _ => (
                $"{call}, and a call of Xen's version fails, too",
                "That is all that the kernel says. Take another way down."),
        };
        return new ChannelRefusal(
            device.Name, reason, remedy, error == 0 ? Errno.EINVAL : error, DeviceProblem.IsTransient(error));
    }

    /// <summary><c>struct privcmd_hypercall</c>: include/uapi/xen/privcmd.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Call
    {
        public ulong Number;
        public ulong First;
        public ulong Second;
        public ulong Third;
        public ulong Fourth;
        public ulong Fifth;

        public Call(in HypercallRegisters registers)
        {
            Number = registers.Rax;
            First = registers.Rdi;
            Second = registers.Rsi;
            Third = registers.Rdx;
            Fourth = registers.R10;
            Fifth = registers.R8;
        }
    }

    private sealed record RefusedCall(int Error, ulong Number, ChannelRefusal Refusal);
}
