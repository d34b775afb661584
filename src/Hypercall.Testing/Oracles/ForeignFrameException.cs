namespace Hypercall.Testing;

/// <summary>The VMM was given an address of memory that belongs to somebody else (see <see cref="FakeOracle.ForeignFrame"/>).</summary>
public sealed class ForeignFrameException : FakeMachineException
{
    internal ForeignFrameException(string message, FakeTrace? trace)
        : base(FakeOracle.ForeignFrame, message, trace)
    {
    }
}
