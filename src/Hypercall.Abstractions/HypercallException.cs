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

    /// <summary>
    /// Whether the same call may succeed later without a change of the program or its configuration: what a retry policy asks.
    /// The state of the VMM, of memory and of other
    /// programs may change by itself; what a CPU, a VMM or a kernel does not have does not come.
    /// </summary>
    public abstract bool IsTransient { get; }
}
