namespace Hypercall.Testing;

/// <summary>
/// A property does not hold; the message tells the arguments, the trace of the smallest case, and how to try it again.
/// </summary>
public sealed class VmmPropertyFailedException : Exception
{
    internal VmmPropertyFailedException(string message, Exception? cause)
        : base(message, cause)
    {
    }
}
