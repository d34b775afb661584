namespace Hypercall;

/// <summary>Calls by convention.</summary>
public static class HypercallConventionExtensions
{
    /// <summary>Makes a call by a convention.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="convention">The convention.</param>
    /// <param name="number">The number of the call.</param>
    /// <param name="arguments">The arguments.</param>
    /// <param name="result">The registers after the call, and whether they mean failure; when the call did not complete, as they
    /// went in.</param>
    /// <returns>Completed, or why not. A call that completed may still have failed (<see cref="HypercallResult.IsFailure"/>), or
    /// another VMM may have answered it (<see cref="HypercallResult.IsForeign"/>).</returns>
    /// <exception cref="ArgumentException">There are too many arguments for the convention, or one does not fit its field.
    /// Nothing was called.</exception>
    public static HypercallStatus TryCall(
        this IHypercallChannel channel,
        HypercallConvention convention,
        ulong number,
        ReadOnlySpan<ulong> arguments,
        out HypercallResult result)
    {
        ArgumentNullException.ThrowIfNull(channel);
        ArgumentNullException.ThrowIfNull(convention);
        HypercallRegisters registers = default;
        convention.Fill(ref registers, number, arguments);
        HypercallStatus status = channel.TryInvoke(ref registers);
        result = new HypercallResult(convention, number, in registers)
        {
            IsForeign = status.IsCompleted && convention.ProvesForeign(number, arguments, in registers),
        };
        return status;
    }

    /// <summary>Makes a call by a convention.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="convention">The convention.</param>
    /// <param name="number">The number of the call.</param>
    /// <param name="arguments">The arguments.</param>
    /// <returns>The registers after the call, and whether they mean failure: a failure that the VMM reports is a result, not an
    /// exception.</returns>
    /// <exception cref="ArgumentException">There are too many arguments for the convention, or one does not fit its field.
    /// Nothing was called.</exception>
    /// <exception cref="ForeignVmmException">The answer proves that a VMM of another convention gave it.</exception>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the instruction.</exception>
    /// <exception cref="HypercallRefusedException">The channel itself refused the call.</exception>
    public static HypercallResult Call(
        this IHypercallChannel channel, HypercallConvention convention, ulong number, params ReadOnlySpan<ulong> arguments)
    {
        channel.TryCall(convention, number, arguments, out HypercallResult result).ThrowIfNotCompleted();
        return result.IsForeign ? throw new ForeignVmmException(convention, number, result.Rax) : result;
    }
}
