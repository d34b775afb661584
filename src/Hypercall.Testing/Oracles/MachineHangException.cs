namespace Hypercall.Testing;

/// <summary>The program made more steps than the machine's budget (see <see cref="FakeOracle.Hang"/>).</summary>
public sealed class MachineHangException : FakeMachineException
{
    internal MachineHangException(string message, FakeTrace? trace)
        : base(FakeOracle.Hang, message, trace)
    {
    }
}
