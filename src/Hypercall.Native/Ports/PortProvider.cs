using System.Globalization;
using Hypercall.Native.Execution;
using Iced.Intel;
using Microsoft.Extensions.Logging;

namespace Hypercall.Native;

/// <summary>
/// A port that some VMMs watch, on any x86 CPU: IN or OUT by DX (Intel SDM vol. 2A, IN, OUT; AMD APM vol. 3, IN, OUT). VMware's
/// backdoor is port 0x5658.
/// </summary>
/// <remarks>
/// <code>
///             63..............16 15.......0
///   RDX       the caller's       the port      put there by the channel, whatever the caller has there
///   RAX       data of OUT: AL, AX or EAX       what IN reads: AL, AX or EAX; all of RAX with 4 bytes
///   others    the caller's                     as the VMM leaves them
/// </code>
/// <para>
/// A VMM that intercepts the port sees all registers, and may write all: a VM exit saves no general register but those that the
/// VMM saves itself (SDM vol. 3C, section 28.3 "Saving Guest State"; APM vol. 2, section 15.6, which saves RAX and RSP alone),
/// as with VMCALL. Where nobody answers a port, IN reads ones in all its bits, and OUT is lost: neither is a fault.
/// </para>
/// <para>
/// The guest's kernel has a say before the VMM: without a permission for the port the CPU raises #GP (SDM vol. 1, section 19.5
/// "Protected-Mode I/O"). A VMM may serve a port to user mode all the same, as VMware does. So none is asked for, and #GP is a
/// result; see the constructor.
/// </para>
/// </remarks>
public sealed class PortProvider : IHypercallProvider
{
    private const int Ports = 0x10000;
    private const int WidestAccess = 4;

    private readonly ushort _port;
    private readonly PortDirection _direction;
    private readonly int _width;
    private readonly bool _withPermission;

    /// <summary>Describes the access.</summary>
    /// <param name="port">The port.</param>
    /// <param name="direction">IN or OUT.</param>
    /// <param name="width">1, 2 or 4 bytes. An access touches as many ports; the last is 0xffff at most.</param>
    /// <param name="withPermission">
    /// False: the instruction is executed on the caller's thread, with whatever permission that has. True, on Linux only: the
    /// channel asks for the permission, by ioperm(2) for all ports that the access touches, else by iopl(2). A permission is a
    /// thread's, so calls go one at a time to a thread of the channel's own, which alone asks for it and gives it back when the
    /// machine is disposed. Where it cannot be had, <see cref="Probe(ICpuid)"/> says so; a machine that names this provider
    /// (<see cref="HypercallOptions.Provider"/>) opens it all the same, and where the permission is refused, so is the call
    /// (<see cref="HypercallStatus.Refusal"/>).
    /// </param>
    /// <param name="name">The provider's name. Two ports on one machine need two names.</param>
    /// <exception cref="ArgumentOutOfRangeException">The width is none of 1, 2 and 4, or the access passes port
    /// 0xffff.</exception>
    public PortProvider(
        ushort port,
        PortDirection direction = PortDirection.In,
        int width = WidestAccess,
        bool withPermission = false,
        string name = "port")
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (direction is not (PortDirection.In or PortDirection.Out))
        {
            throw new ArgumentOutOfRangeException(nameof(direction), direction, "A port is read (In) or written (Out).");
        }

        if (width is not (1 or 2 or WidestAccess))
        {
            throw new ArgumentOutOfRangeException(nameof(width), width, "IN and OUT access 1, 2 or 4 bytes.");
        }

        if (port + width > Ports)
        {
            throw new ArgumentOutOfRangeException(
                nameof(port),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"An access of {width} bytes at port 0x{port:x} passes port 0xffff, the last."));
        }

        (Name, _port, _direction, _width, _withPermission) = (name, port, direction, width, withPermission);
        Instruction = Encode(direction, width);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>The instruction, such as <c>IN EAX, DX</c>.</summary>
    public HypercallInstruction Instruction { get; }

    /// <inheritdoc/>
    HypercallInstruction? IHypercallProvider.Instruction => Instruction;

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<RegisterField, ulong>> Constants => PortChannel.ConstantsOf(_port);

    /// <summary>
    /// Usable, on any CPU, and never the CPU's own choice: without a permission too, for a VMM may serve the port to user mode.
    /// Where the permission was asked for and cannot be had, it says why.
    /// </summary>
    /// <param name="cpuid">The CPU.</param>
    public HypercallProbe Probe(ICpuid cpuid) => Probe(OperatingSystem.IsLinux() ? LinuxPorts.Instance : null);

    /// <inheritdoc/>
    /// <exception cref="ExecutableMemoryException">The system refuses executable memory.</exception>
    /// <exception cref="PlatformNotSupportedException">This operating system or process cannot, or the permission was asked for
    /// on another system than Linux.</exception>
    public IHypercallChannel Open(HypercallTarget target, ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(target);
        NativePlatform.Current.Demand();
        if (!_withPermission)
        {
            return new PortChannel(new StubChannel(target, Instruction), _port);
        }

        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException(
                $"{Describe()} was to ask for a permission, and only Linux gives a program one (ioperm, iopl). Ask for none: "
                + "a VMM may serve the port to user mode all the same, as VMware does; or take another way down.");
        }

        PortChannel channel = new(new StubChannel(target, Instruction), _port);
        ExecutionEngine.Shared.Guard.Look(); // starts a timer, whose thread must not inherit the permission
        return new OwnThreadChannel($"hypercall {Describe()}", channel, new PortPermission(_port, _width, LinuxPorts.Instance));
    }

    /// <inheritdoc/>
    public string? Advise(in CpuFault fault) => fault.Kind != CpuFaultKind.GeneralProtection ? null
        : _withPermission
            ? $"The guest's kernel says that the thread may access {Describe()}, so it is most likely the VMM that raised it: "
                + "it does not serve this port, or not to user mode. Take another way down."
            : $"The thread has no permission for {Describe()}, and no VMM serves it to user mode without "
                + "(VMware does, QEMU does not). Ask for the permission (withPermission: true, on Linux, with CAP_SYS_RAWIO), "
                + "or take another way down.";

    internal HypercallProbe Probe(IPortControl? ports) => !_withPermission ? HypercallProbe.Usable
        : ports is null ? HypercallProbe.Unusable(
            "only Linux gives a program a permission for a port (ioperm, iopl)", "Ask for none, or take another way down.")
        : new PortPermission(_port, _width, ports).Check() is { } why ? HypercallProbe.Unusable(why.Reason, why.Remedy)
        : HypercallProbe.Usable;

    internal bool IsSameAs(PortProvider other) =>
        (Name, _port, _direction, _width, _withPermission)
        == (other.Name, other._port, other._direction, other._width, other._withPermission);

    private static HypercallInstruction Encode(PortDirection direction, int width)
    {
        (Code code, Register register) = (direction, width) switch
        {
            (PortDirection.In, 1) => (Code.In_AL_DX, Register.AL),
            (PortDirection.In, 2) => (Code.In_AX_DX, Register.AX),
            (PortDirection.In, _) => (Code.In_EAX_DX, Register.EAX),
            (_, 1) => (Code.Out_DX_AL, Register.AL),
            (_, 2) => (Code.Out_DX_AX, Register.AX),
            _ => (Code.Out_DX_EAX, Register.EAX),
        };
        bool reads = direction == PortDirection.In;
        (Register first, Register second) = reads ? (register, Register.DX) : (Register.DX, register);
        return InstructionEncoder.Encode(
            $"{(reads ? "IN" : "OUT")} {first}, {second}", Iced.Intel.Instruction.Create(code, first, second));
    }

    private string Describe()
    {
        string access = _direction == PortDirection.In ? "IN" : "OUT";
        string unit = _width == 1 ? "byte" : "bytes";
        return string.Create(CultureInfo.InvariantCulture, $"port 0x{_port:x} ({access}, {_width} {unit})");
    }
}
