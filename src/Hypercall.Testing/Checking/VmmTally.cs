namespace Hypercall.Testing;

/// <summary>Counts over the cases of one check.</summary>
internal sealed class VmmTally
{
    private static readonly FakeFaultKind[] Kinds = Enum.GetValues<FakeFaultKind>();

    private readonly VmmCheckFaultOccurrences[] _faultOccurrences =
        [.. Kinds.Select(kind => new VmmCheckFaultOccurrences(kind))];

    private readonly Dictionary<string, int> _labels = new(StringComparer.Ordinal);

    public int Cases { get; private set; }

    public int Discarded { get; set; }

    public long Calls { get; private set; }

    public void Add(FakeMachine? machine, IReadOnlyCollection<string> labels)
    {
        Cases++;
        Calls += machine?.Calls ?? 0;
        foreach (string label in labels)
        {
            _labels[label] = _labels.GetValueOrDefault(label) + 1;
        }

        foreach (FakeFaultOccurrence occurrence in machine?.FaultOccurrences ?? [])
        {
            ref VmmCheckFaultOccurrences kind = ref _faultOccurrences[(int)occurrence.Fault.Fault.Kind];
            bool afterEntry = occurrence.Call > 0 && occurrence.Fault.InjectionPoint.Kind != FakeInjectionPointKind.BeforeEntry;
            kind = occurrence.Outcome switch
            {
                FakeFaultOutcome.Occurred => kind with { Occurred = kind.Occurred + 1, AfterEntry = kind.AfterEntry + (afterEntry ? 1 : 0) },
                FakeFaultOutcome.Missed => kind with { Missed = kind.Missed + 1 },
                _ => kind with { Forbidden = kind.Forbidden + 1 },
            };
        }
    }

    public VmmCheckResult ToResult(ulong seed, VmmCheckFailedException? failure) =>
        new(seed, Cases, Discarded, Calls, [.. _faultOccurrences], new Dictionary<string, int>(_labels, StringComparer.Ordinal), failure);
}
