namespace Hypercall;

/// <summary>The base of every error that this library raises on its own account.</summary>
public abstract class HypercallException : Exception
{
    /// <summary>Creates the error.</summary>
    /// <param name="message">What happened, on which CPU and instruction, and what to do.</param>
    /// <param name="innerException">What caused it, if anything did.</param>
    protected HypercallException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
