namespace Hypercall.Testing;

/// <summary>The program reported success, and the data did not arrive (see <see cref="FakeOracle.DataLost"/>).</summary>
public sealed class DataLostException : FakeMachineException
{
    internal DataLostException(string message, FakeTrace? trace)
        : base(FakeOracle.DataLost, message, trace)
    {
    }
}
