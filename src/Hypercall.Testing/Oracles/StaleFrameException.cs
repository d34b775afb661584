namespace Hypercall.Testing;

/// <summary>The VMM was given an address that was the guest's once (see <see cref="FakeOracle.StaleFrame"/>).</summary>
public sealed class StaleFrameException : FakeMachineException
{
    internal StaleFrameException(string message, FakeTrace? trace)
        : base(FakeOracle.StaleFrame, message, trace)
    {
    }
}
