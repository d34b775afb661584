namespace Hypercall.Testing;

/// <summary>Which ways down a fake machine has (<see cref="IHypercallMachine.Providers"/>).</summary>
/// <remarks>
/// CPUID, IN and OUT never tell by themselves whether a VMM heard of them: where none watches the leaf or the port, they do what
/// the hardware does. CPUID gives the data of a leaf in EAX, EBX, ECX and EDX (and zeros above them), IN gives ones, and OUT is
/// lost.
/// </remarks>
[Flags]
public enum FakeWays
{
    /// <summary>None: no call can be made.</summary>
    None = 0,

    /// <summary>The vendors' instructions, VMCALL and VMMCALL, of which the CPU has one.</summary>
    Instruction = 1,

    /// <summary>
    /// IN EAX, DX, by the name of <c>port</c>. Without <see cref="FakeMachine.HasPortPermission"/> it raises #GP.
    /// </summary>
    Port = 2,

    /// <summary>
    /// A device of the guest's kernel, by the name of <c>kernel</c>, which makes the call at privilege level 0. Only a program
    /// that is root can use it (<see cref="FakeMachineOptions.IsRoot"/>).
    /// </summary>
    Kernel = 4,

    /// <summary>CPUID, by the name of <c>cpuid</c>. It raises no fault.</summary>
    Cpuid = 8,

    /// <summary>
    /// OUT DX, EAX, by the name of <c>port-out</c>. Without <see cref="FakeMachine.HasPortPermission"/> it raises #GP.
    /// </summary>
    PortOut = 16,
}
