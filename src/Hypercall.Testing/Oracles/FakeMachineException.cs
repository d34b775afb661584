namespace Hypercall.Testing;

/// <summary>
/// The fake machine saw the program do what destroys a real one; <see cref="Oracle"/> says what. It is thrown where it
/// happened, and again by every later use of the machine: a program that catches it does not hide it.
/// </summary>
/// <remarks>It is no <see cref="HypercallException"/>: a program handles those, and must not handle this.</remarks>
public sealed class FakeMachineException : Exception
{
    internal FakeMachineException(FakeOracle oracle, string message, FakeTrace? trace)
        : base(trace is null ? message : $"{message}{Environment.NewLine}{Environment.NewLine}{trace}")
    {
        Oracle = oracle;
        Trace = trace;
    }

    /// <summary>What was watched for.</summary>
    public FakeOracle Oracle { get; }

    /// <summary>How it came to it; null unless the machine recorded (<see cref="FakeMachineOptions.Record"/>).</summary>
    public FakeTrace? Trace { get; }
}
