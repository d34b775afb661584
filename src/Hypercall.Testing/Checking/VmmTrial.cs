namespace Hypercall.Testing;

/// <summary>One run of a property on one fresh machine.</summary>
internal sealed class VmmTrial
{
    private static readonly AsyncLocal<VmmTrial?> Running = new();

    private readonly HashSet<string> _labels = new(StringComparer.Ordinal);

    private VmmTrial()
    {
    }

    public static VmmTrial? Current => Running.Value;

    public FakeMachine? Machine { get; private set; }

    public IReadOnlyCollection<string> Labels => _labels;

    public bool IsDiscarded { get; private set; }

    public VmmFailure? Failure { get; private set; }

    public static async Task<VmmTrial> Make(FakeCase tried, Action<FakeMachine>? configure, Func<FakeMachine, FakeCase, Task> property, CancellationToken cancellationToken)
    {
        VmmTrial trial = new();
        VmmTrial? outer = Running.Value;
        Exception? thrown = null;
        Running.Value = trial;
        try
        {
            trial.Machine = new FakeMachine(tried.Machine);
            configure?.Invoke(trial.Machine);
            await property(trial.Machine, tried).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
#pragma warning disable CA1031 // whatever a property throws is its failure
        catch (Exception exception)
#pragma warning restore CA1031
        {
            thrown = exception;
        }
        finally
        {
            Running.Value = outer;
        }

        // What the machine saw counts, whatever the program made of it.
        thrown = trial.Machine?.Failure ?? thrown;
        if (thrown is VmmCheckDiscardException)
        {
            trial.IsDiscarded = true;
        }
        else if (thrown is not null)
        {
            FakeTrace? trace = tried.Machine.Record ? trial.Machine?.Trace : null;
            trial.Failure = new VmmFailure(tried with { Machine = tried.Machine with { Record = false } }, thrown, trace);
        }

        return trial;
    }

    public void Classify(string label)
    {
        lock (_labels)
        {
            _ = _labels.Add(label);
        }
    }
}
