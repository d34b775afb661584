namespace Hypercall;

/// <summary>Tells whether an answer proves that another VMM gave it.</summary>
/// <param name="sent">The frame that went in.</param>
/// <param name="received">The frame that came out.</param>
/// <returns>True only on proof: what this convention's own VMM never answers to this call.</returns>
public delegate bool ForeignAnswer(in HypercallRegisters sent, in HypercallRegisters received);
