namespace Hypercall;

/// <summary>A page moved while the VMM used its physical address: the transfer cannot be trusted.</summary>
public sealed class GuestMemoryMovedException : TransferException
{
    /// <summary>Creates the error.</summary>
    /// <param name="result">How the transfer ended.</param>
    public GuestMemoryMovedException(TransferResult result)
        : base(result)
    {
    }
}
