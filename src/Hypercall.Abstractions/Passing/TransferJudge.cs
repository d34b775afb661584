namespace Hypercall;

/// <summary>How the registers after one call mean bytes done, and failure: see <see cref="TransferRule.Create"/>.</summary>
/// <param name="registers">The registers after the call.</param>
/// <param name="length">How many bytes the call was given.</param>
public delegate TransferAnswer TransferJudge(in HypercallRegisters registers, long length);
