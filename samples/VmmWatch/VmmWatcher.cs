using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace VmmWatch;

/// <summary>Polls the VMM, one call at a time, until the host stops.</summary>
public sealed class VmmWatcher(
    VmmPoller poller, WatchState state, WatchMeter meter, IOptions<WatchOptions> options, TimeProvider time, ILogger<VmmWatcher> logger) : BackgroundService
{
    private readonly WatchOptions _options = options.Value;

    /// <summary>Polls once, and tells everybody: the log what changed, the state and the meter all of it.</summary>
    /// <param name="cancellationToken">Ends the waiting. The call itself cannot be cancelled: the VMM has the CPU.</param>
    public async Task PollAsync(CancellationToken cancellationToken)
    {
        using IDisposable? scope = WatchLog.BeginPoll(logger, _options.Function, state.Snapshot.Polls + 1);
        state.Begin();

        // On a thread of its own: a VMM that does not return takes that thread, and not the service.
        PollResult result = await Task.Factory.StartNew(poller.Poll, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
            .WaitAsync(cancellationToken).ConfigureAwait(false);
        LogChange(state.Snapshot, result);
        state.End(result);
        meter.Record(result);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        WatchLog.Started(logger, _options.Function, _options.Machine, _options.Period);
        using PeriodicTimer timer = new(_options.Period, time);
        try
        {
            do
            {
                await PollAsync(stoppingToken).ConfigureAwait(false);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            if (state.Snapshot.CallStarted is { } started)
            {
                WatchLog.Abandoned(logger, started);
            }

            WatchLog.Stopped(logger, state.Snapshot.Polls);
        }
    }

    // A change is news, and the same again is not.
    private void LogChange(WatchSnapshot before, PollResult result)
    {
        WatchLog.Polled(logger, result.Outcome, result.Duration, result.Message);
        if (before.Last?.Outcome == result.Outcome)
        {
            return;
        }

        if (!result.IsAnswer)
        {
            WatchLog.NoAnswer(logger, result.Outcome, result.Message);
        }
        else if (before.Last is null)
        {
            WatchLog.Answers(logger, _options.Function, result.Value);
        }
        else
        {
            WatchLog.AnswersAgain(logger, _options.Function, before.ConsecutiveFailures, result.Value);
        }
    }
}
