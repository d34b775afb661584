namespace Hypercall.Testing;

/// <summary>Counts over the cases of one check.</summary>
internal sealed class VmmTally
{
    private static readonly FakeFaultKind[] Kinds = Enum.GetValues<FakeFaultKind>();

    private readonly VmmCheckStrikes[] _strikes = [.. Kinds.Select(kind => new VmmCheckStrikes(kind, 0, 0, 0, 0))];
    private readonly Dictionary<string, int> _labels = new(StringComparer.Ordinal);

    public int Cases { get; private set; }

    public int Discarded { get; set; }

    public long Calls { get; private set; }

    public void Add(FakeVmm? machine, IReadOnlyCollection<string> labels)
    {
        Cases++;
        Calls += machine?.Calls ?? 0;
        foreach (string label in labels)
        {
            _labels[label] = _labels.GetValueOrDefault(label) + 1;
        }

        foreach (FakeStrike strike in machine?.Strikes ?? [])
        {
            ref VmmCheckStrikes kind = ref _strikes[(int)strike.Fault.Fault.Kind];
            bool afterEntry = strike.Call > 0 && strike.Fault.Moment.Kind != FakeMomentKind.BeforeEntry;
            kind = strike.Outcome switch
            {
                FakeStrikeOutcome.Struck => kind with { Struck = kind.Struck + 1, AfterEntry = kind.AfterEntry + (afterEntry ? 1 : 0) },
                FakeStrikeOutcome.Missed => kind with { Missed = kind.Missed + 1 },
                _ => kind with { Forbidden = kind.Forbidden + 1 },
            };
        }
    }

    public VmmCheckResult ToResult(ulong seed, VmmCheckFailedException? failure) =>
        new(seed, Cases, Discarded, Calls, [.. _strikes], new Dictionary<string, int>(_labels, StringComparer.Ordinal), failure);
}
