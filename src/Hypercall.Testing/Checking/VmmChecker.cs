using System.Globalization;
using System.Security.Cryptography;

namespace Hypercall.Testing;

/// <summary>Tries a property on generated cases, and makes the first one that fails simpler.</summary>
internal sealed class VmmChecker(Func<FakeMachine, FakeCase, Task> property, VmmCheckOptions options)
{
    // A program that tries for ever does so for a hundredth of the steps too, and simpler cases are found a hundred times as
    // fast.
    private const int HangHaste = 100;

    private readonly FakeMachineOptions _given = options.Machine ?? FakeMachineOptions.Plain;
    private readonly VmmTally _tally = new();
    private int _tried;
    private int _shrinks;

    public async Task<VmmCheckResult> Check()
    {
        options.Check();
        ulong seed = options.Seed ?? BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        VmmFailure? failure = null;
        int count = options.Replay is null ? options.MaxTest : 1;
        int last = options.MaxTest - 1;
        for (int i = 0; failure is null && _tally.Cases < count; i++)
        {
            options.CancellationToken.ThrowIfCancellationRequested();
            int size = options.StartSize + (int)((long)(options.EndSize - options.StartSize) * Math.Min(i, last) / Math.Max(last, 1)); // with those that are not wanted, too
            FakeCase tried = options.Replay ?? FakeCase.Generate(FakeRandom.Derive(seed, i), options.Size.ScaledTo(size), _given);
            if (options.Verbose)
            {
                Print(string.Create(CultureInfo.InvariantCulture, $"{_tally.Cases + 1}: {tried.ToCSharp()}"));
            }

            VmmTrial trial = await Try(tried).ConfigureAwait(false);
            if (!trial.IsDiscarded)
            {
                _tally.Add(trial.Machine, trial.Labels);
                failure = trial.Failure;
            }
            else if (options.Replay is not null)
            {
                _tally.Discarded++;
                break;
            }
            else if (++_tally.Discarded > options.MaxDiscarded)
            {
                throw new InvalidOperationException(
                    $"The property did not want {_tally.Discarded} cases, and {_tally.Cases} were tried (VmmCheckOptions.MaxDiscarded is {options.MaxDiscarded}). "
                    + "Let it make what it needs out of any case, or have fitting ones generated (VmmCheckOptions.Size, Machine).");
            }
        }

        VmmCheckResult result = _tally.ToResult(seed, failure is null ? null : await Conclude(failure, seed).ConfigureAwait(false));
        if (options.Verbose)
        {
            Print(result.ToString());
        }

        return result;
    }

    private async Task<VmmCheckFailedException> Conclude(VmmFailure first, ulong seed)
    {
        VmmFailure smallest = options.Replay is null ? await Smallest(first).ConfigureAwait(false) : first;
        FakeCase recorded = smallest.Case with { Machine = smallest.Case.Machine with { Record = true } };
        VmmFailure? told = (await Try(recorded).ConfigureAwait(false)).Failure is { } again && again.IsLike(smallest) ? again : null;
        return VmmCheckFailedException.Create(told ?? smallest, seed, _tally.Cases, _shrinks, options.Replay is not null, failedAgain: told is not null);
    }

    private async Task<VmmFailure> Smallest(VmmFailure first)
    {
        if (first.Cause is FakeMachineException { Oracle: FakeOracle.Hang }
            && _given.StepBudget == FakeMachineOptions.Plain.StepBudget)
        {
            FakeMachineOptions machine = first.Case.Machine;
            FakeCase hasty = first.Case with { Machine = machine with { StepBudget = Math.Max(1, machine.StepBudget / HangHaste) } };
            VmmFailure small = await Descend(first with { Case = hasty }).ConfigureAwait(false);
            FakeCase patient = small.Case with { Machine = small.Case.Machine with { StepBudget = machine.StepBudget } };
            if ((await Try(patient).ConfigureAwait(false)).Failure is { } same && same.IsLike(first))
            {
                return same;
            }

            _shrinks = 0; // it was no hang, only many steps
        }

        return await Descend(first).ConfigureAwait(false);
    }

    private async Task<VmmFailure> Descend(VmmFailure smallest)
    {
        bool found = true;
        while (found)
        {
            found = false;
            foreach (FakeCase candidate in smallest.Case.Shrink(_given))
            {
                options.CancellationToken.ThrowIfCancellationRequested();
                if (++_tried > options.MaxShrinks)
                {
                    return smallest;
                }

                if ((await Try(candidate).ConfigureAwait(false)).Failure is { } failure && failure.IsLike(smallest))
                {
                    smallest = failure;
                    _shrinks++;
                    found = true;
                    break;
                }
            }
        }

        return smallest;
    }

    private Task<VmmTrial> Try(FakeCase tried) => VmmTrial.Make(tried, options.Configure, property, options.CancellationToken);

    private void Print(string text)
    {
        if (options.Output is { } output)
        {
            output(text);
        }
        else
        {
            Console.WriteLine(text);
        }
    }
}
