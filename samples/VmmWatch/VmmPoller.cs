using Hypercall;
using Hypercall.BitVisor;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace VmmWatch;

/// <summary>Asks the VMM once, and turns whatever happens into a result.</summary>
public sealed class VmmPoller(IServiceProvider services, IOptions<WatchOptions> options, TimeProvider time)
{
    private readonly WatchOptions _options = options.Value;

    /// <summary>Looks the function up and calls it. It returns when the VMM does: nothing can end a call but the VMM.</summary>
    public PollResult Poll()
    {
        long started = time.GetTimestamp();
        (PollOutcome outcome, ulong value, string message) = Ask();
        return new PollResult(outcome, value, message, time.GetElapsedTime(started));
    }

    private (PollOutcome Outcome, ulong Value, string Message) Ask()
    {
        try
        {
            // Asked for here and not in the constructor: a CPU or a system that cannot is a result like any other, each time.
            BitVisorClient vmm = services.GetRequiredService<BitVisorClient>();
            _ = vmm.Forget(_options.Function); // numbers are one VMM's, and the guest may have been moved to another
            VmmLookup lookup = vmm.TryGetFunction(_options.Function);
            return lookup.IsFound ? Call(lookup.Function) : (OutcomeOf(lookup.Outcome), 0, lookup.Message);
        }
        catch (Exception e) when (e is HypercallException or PlatformNotSupportedException)
        {
            return (PollOutcome.Impossible, 0, e.Message);
        }
    }

    private (PollOutcome Outcome, ulong Value, string Message) Call(HypercallFunction function)
    {
        HypercallStatus status = function.TryCall(out HypercallResult result, Word(0), Word(1), Word(2), Word(3), Word(4));
        if (!status.IsCompleted)
        {
            return (status.IsRefused ? PollOutcome.Impossible : PollOutcome.Faulted, 0, status.ToException().Message);
        }

        // A function whose result can be equal to its own number is not one to watch in this way.
        return result.NumberCameBack
            ? (PollOutcome.Refused, 0, $"'{function.Name}' wrote no result: it refused the call. The VMM's configuration says whether it is enabled.")
            : (PollOutcome.Answered, result.Rax, $"'{function.Name}' answered {result.Rax}.");
    }

    private ulong Word(int index) => index < _options.Arguments.Count ? _options.Arguments[index] : 0;

    private static PollOutcome OutcomeOf(VmmLookupOutcome outcome) => outcome switch
    {
        VmmLookupOutcome.ForeignAbi => PollOutcome.ForeignVmm,
        VmmLookupOutcome.Faulted => PollOutcome.Faulted,
        VmmLookupOutcome.Refused => PollOutcome.Impossible,
        _ => PollOutcome.NotFound,
    };
}
