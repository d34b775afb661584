namespace Hypercall.Testing;

/// <summary>A fake machine, and the program that runs on it, in a model-based test.</summary>
/// <typeparam name="TProgram">The program.</typeparam>
public sealed class FakeMachineRun<TProgram>
{
    internal FakeMachineRun(FakeMachine machine, TProgram program)
    {
        Machine = machine;
        Program = program;
    }

    /// <summary>The machine.</summary>
    public FakeMachine Machine { get; }

    /// <summary>The program.</summary>
    public TProgram Program { get; }
}
