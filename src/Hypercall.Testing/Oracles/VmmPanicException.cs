namespace Hypercall.Testing;

/// <summary>The VMM was made to write to memory that it fakes as ROM, and panicked (see <see cref="FakeOracle.VmmPanic"/>).</summary>
public sealed class VmmPanicException : FakeMachineException
{
    internal VmmPanicException(string message, FakeTrace? trace)
        : base(FakeOracle.VmmPanic, message, trace)
    {
    }
}
