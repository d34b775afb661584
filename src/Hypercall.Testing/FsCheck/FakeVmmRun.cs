namespace Hypercall.Testing;

/// <summary>A fake machine, and the program that runs on it, in a model-based test.</summary>
/// <typeparam name="TProgram">The program.</typeparam>
/// <param name="Vmm">The machine.</param>
/// <param name="Program">The program.</param>
public sealed record FakeVmmRun<TProgram>(FakeVmm Vmm, TProgram Program);
