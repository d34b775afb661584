namespace Hypercall.Testing;

/// <summary>Which ways down a fake machine has (<see cref="IHypercallMachine.Providers"/>).</summary>
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
}
