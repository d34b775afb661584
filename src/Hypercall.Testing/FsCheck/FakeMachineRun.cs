namespace Hypercall.Testing;

/// <summary>A fake machine, and the program that runs on it, in a model-based test.</summary>
/// <typeparam name="TProgram">The program.</typeparam>
/// <param name="Machine">The machine.</param>
/// <param name="Program">The program.</param>
public sealed record FakeMachineRun<TProgram>(FakeMachine Machine, TProgram Program);
