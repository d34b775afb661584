namespace Hypercall;

/// <summary>A transfer was cancelled between two calls.</summary>
public sealed class TransferCanceledException : OperationCanceledException
{
    /// <summary>Creates the error.</summary>
    /// <param name="result">How far the transfer got.</param>
    /// <param name="cancellationToken">What cancelled it.</param>
    public TransferCanceledException(TransferResult result, CancellationToken cancellationToken)
        : base((result ?? throw new ArgumentNullException(nameof(result))).Message, cancellationToken) => Result = result;

    /// <summary>How far the transfer got.</summary>
    public TransferResult Result { get; }
}
