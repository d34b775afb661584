namespace Hypercall;

/// <summary>Calls that may take long.</summary>
public static class HypercallFunctionExtensions
{
    /// <summary>The longest timeout that a timer takes, in milliseconds.</summary>
    private const long LongestTimeout = uint.MaxValue - 1L;

    /// <summary>
    /// Calls the function on a thread of its own, so that a VMM that does not come back holds neither the caller nor the thread
    /// pool. Starting that thread costs some 100 µs:
    /// for a function that answers at once, use <see cref="HypercallFunction.Call(ReadOnlySpan{ulong})"/>.
    /// </summary>
    /// <param name="function">The function.</param>
    /// <param name="words">Its arguments, in order; those that are left out are 0.</param>
    /// <param name="timeout">How long to wait, more than zero and less than 50 days; or
    /// <see cref="Timeout.InfiniteTimeSpan"/>.</param>
    /// <param name="options">The buffers that the call uses, and how many calls may be left behind; null for the
    /// defaults.</param>
    /// <param name="cancellationToken">Ends the wait. The call is left behind then as after a timeout.</param>
    /// <returns>The registers after the call, and whether they mean failure: a failure that the VMM reports is a result, not an
    /// exception.</returns>
    /// <exception cref="ArgumentException">There are too many arguments for the convention, or one does not fit its field.
    /// Nothing was called.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout or an option is out of range. Nothing was called.</exception>
    /// <exception cref="ObjectDisposedException">A buffer was disposed. Nothing was called.</exception>
    /// <exception cref="HypercallTimeoutException">The call did not come back in time; it says what is left behind.</exception>
    /// <exception cref="HypercallLeftBehindException">Earlier calls have not come back. Nothing was called.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ForeignVmmException">The answer proves that a VMM of another convention gave it.</exception>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the instruction.</exception>
    /// <example>
    /// <code>
    /// HypercallResult result = await status.CallAsync([], TimeSpan.FromSeconds(5));
    /// </code>
    /// </example>
    public static Task<HypercallResult> CallAsync(
        this HypercallFunction function,
        ReadOnlySpan<ulong> words,
        TimeSpan timeout,
        HypercallTimeoutOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(function);
        if (timeout != Timeout.InfiniteTimeSpan && (timeout <= TimeSpan.Zero || timeout.TotalMilliseconds > LongestTimeout))
        {
            throw new ArgumentOutOfRangeException(
                nameof(timeout), timeout, "A timeout is more than zero and less than 50 days, or Timeout.InfiniteTimeSpan.");
        }

        options ??= HypercallTimeoutOptions.Default;
        options.ThrowIfInvalid();
        _ = function.Convention.CreateFrame(function.Number, words); // throws here what is the caller's mistake
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled<HypercallResult>(cancellationToken);
        }

        CallsLeftBehind leftBehind = CallsLeftBehind.Of(function.Memory);
        int count = leftBehind.Count;
        return count >= options.MaxLeftBehind
            ? Task.FromException<HypercallResult>(new HypercallLeftBehindException(function, count, options.MaxLeftBehind))
            : WaitAsync(new TimedCall(function, words.ToArray(), timeout, options, leftBehind, cancellationToken).Start());
    }

    // A task that is given an OperationCanceledException is faulted; that of an async method is cancelled, and keeps the message.
    private static async Task<HypercallResult> WaitAsync(Task<HypercallResult> answer) => await answer.ConfigureAwait(false);
}
