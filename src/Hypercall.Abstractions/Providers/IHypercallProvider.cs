using Microsoft.Extensions.Logging;

namespace Hypercall;

/// <summary>
/// A way down to the VMM: an instruction of a CPU vendor's, or one that some VMMs watch, or a device of the guest's kernel. One
/// more is one class like this and one extension method that registers it.
/// </summary>
public interface IHypercallProvider
{
    /// <summary>
    /// Its name, such as <c>Intel</c>: for people, for <see cref="HypercallOptions.Provider"/>, and without regard to case.
    /// </summary>
    string Name { get; }

    /// <summary>The instruction that leaves the guest; null where a device of the guest's kernel makes the call.</summary>
    HypercallInstruction? Instruction => null;

    /// <summary>The registers that go into the VMM.</summary>
    RegisterSet Carries => RegisterSet.All;

    /// <summary>The registers that come back.</summary>
    RegisterSet Returns => RegisterSet.All;

    /// <summary>
    /// Bits that its channels fill in every frame, and with what (<see cref="IHypercallChannel.Constants"/>): a port's number in
    /// RDX[15:0].
    /// </summary>
    IReadOnlyList<KeyValuePair<RegisterField, ulong>> Constants => [];

    /// <summary>Whether this way can be used here. Executes no hypercall, opens no channel, and leaves nothing changed.</summary>
    /// <param name="cpuid">The CPU.</param>
    HypercallProbe Probe(ICpuid cpuid);

    /// <summary>
    /// Opens a channel, whatever <see cref="Probe"/> says: a VMM can present any CPU. One that is <see cref="IDisposable"/> is
    /// disposed with its machine.
    /// </summary>
    /// <param name="target">What the channel's faults name: the CPU, and this provider.</param>
    /// <param name="loggers">Where to log.</param>
    /// <exception cref="PlatformNotSupportedException">This operating system or process cannot.</exception>
    IHypercallChannel Open(HypercallTarget target, ILoggerFactory loggers);

    /// <summary>
    /// What a fault on this way most likely means, and what can be done about it; null for what is said of any hypercall
    /// instruction.
    /// </summary>
    /// <param name="fault">The fault.</param>
    string? Advise(in CpuFault fault) => null;
}
