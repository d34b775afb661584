namespace Hypercall;

/// <summary>
/// A function's own rule: how the registers after one call mean bytes done, and failure. Without a rule, a call that completed
/// has done all its bytes.
/// </summary>
/// <param name="registers">The registers after the call.</param>
/// <param name="length">How many bytes the call was given.</param>
public delegate TransferAnswer TransferRule(in HypercallRegisters registers, long length);
