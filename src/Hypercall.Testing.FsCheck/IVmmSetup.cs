namespace Hypercall.Testing;

/// <summary>
/// What several properties have in common: the machine that they run on, and its functions. Name it in
/// <c>[VmmProperty(Machine = typeof(...))]</c>; it needs a constructor without parameters, and each test makes its own.
/// </summary>
public interface IVmmSetup
{
    /// <summary>
    /// The machine as far as it is given: settings that differ from their defaults stay as they are in every case, its plan too.
    /// The default is any machine.
    /// </summary>
    FakeMachineOptions Machine => new();

    /// <summary>How large the largest case may be, and what may happen in it.</summary>
    FakeCaseSize Size => new();

    /// <summary>Makes a new machine ready, before the property has it: registers functions.</summary>
    /// <param name="vmm">The machine.</param>
    void Configure(FakeMachine vmm);
}
