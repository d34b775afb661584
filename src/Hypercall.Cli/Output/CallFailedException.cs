using Hypercall.Native;

namespace Hypercall.Cli.Output;

/// <summary>A call failed, of the function that this says: the library's errors of a call or a transfer do not.</summary>
/// <param name="function">The function: its name, or its convention and number.</param>
/// <param name="warnings">What was doubtful before.</param>
/// <param name="cause">The error.</param>
internal sealed class CallFailedException(string function, IReadOnlyList<string> warnings, Exception cause)
    : Exception(cause.Message, cause)
{
    public string Function { get; } = function;

    public IReadOnlyList<string> Warnings { get; } = warnings;

    public Exception Cause { get; } = cause;

    /// <summary>Makes a call, and lets an error say of which function.</summary>
    /// <param name="function">The function: its name, or its convention and number.</param>
    /// <param name="warnings">What is doubtful.</param>
    /// <param name="call">The call.</param>
    /// <exception cref="CallFailedException">The call failed.</exception>
    public static T Of<T>(string function, IReadOnlyList<string> warnings, Func<T> call)
    {
        try
        {
            return call();
        }
        catch (Exception e) when (IsOfCall(e))
        {
            throw new CallFailedException(function, warnings, e);
        }
    }

    // A machine that no call can be made on is nobody's failure.
    private static bool IsOfCall(Exception error) => error is TransferCanceledException
        or (HypercallException and not (HypercallProviderException or ExecutableMemoryException));
}
