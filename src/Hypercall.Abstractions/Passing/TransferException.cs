namespace Hypercall;

/// <summary>A transfer did not complete.</summary>
public class TransferException : HypercallException
{
    /// <summary>Creates the error.</summary>
    /// <param name="result">How the transfer ended.</param>
    public TransferException(TransferResult result)
        : base((result ?? throw new ArgumentNullException(nameof(result))).Message) => Result = result;

    /// <summary>How the transfer ended, and how many bytes are known to have arrived.</summary>
    public TransferResult Result { get; }

    /// <summary>
    /// Whether the transfer may complete when it is made again: it was incomplete, a page moved, or its fault or its refusal
    /// passes. What the function or another VMM refused stays so.
    /// </summary>
    public override bool IsTransient => Result.IsTransient;
}
