namespace Hypercall.Testing;

/// <summary>The VMM was made to write a byte that the guest did not hand over (see <see cref="FakeOracle.WriteOutside"/>).</summary>
public sealed class WriteOutsideException : FakeMachineException
{
    internal WriteOutsideException(string message, FakeTrace? trace)
        : base(FakeOracle.WriteOutside, message, trace)
    {
    }
}
