namespace Hypercall.Native.Execution;

/// <summary>A stub that lies in executable memory.</summary>
/// <param name="Entry">What to call: <c>int (HypercallRegisters* first, NativeFault*, HypercallRegisters* end)</c>, 0 for
/// completed, 1 for faulted.</param>
/// <param name="InstructionAddress">Where the instruction lies.</param>
internal readonly record struct Stub(nint Entry, nint InstructionAddress);
