using System.Collections;
using System.Runtime.CompilerServices;

namespace Hypercall.Testing;

/// <summary>
/// The faults of one run, and when they occur. Those of the same injection point occur in the order of the plan. One whose
/// injection point does not come, whose target does not exist, or that no kernel would do, does nothing; the trace says why.
/// </summary>
/// <example>
/// <code>
/// FaultPlan plan = [new(FakeInjectionPoint.BeforeWalk(call: 2, walk: 1), new FakeFault(FakeFaultKind.SwapOut))];
/// </code>
/// </example>
[CollectionBuilder(typeof(FaultPlan), nameof(Create))]
public sealed class FaultPlan : IReadOnlyList<PlannedFault>, IEquatable<FaultPlan>
{
    private readonly PlannedFault[] _faults;

    private FaultPlan(PlannedFault[] faults) => _faults = faults;

    /// <summary>Nothing happens.</summary>
    public static FaultPlan None { get; } = new([]);

    /// <inheritdoc/>
    public int Count => _faults.Length;

    /// <inheritdoc/>
    public PlannedFault this[int index] => _faults[index];

    internal ReadOnlySpan<PlannedFault> Faults => _faults;

    /// <summary>Makes a plan: <c>FaultPlan plan = [...]</c>.</summary>
    /// <param name="faults">Its faults.</param>
    public static FaultPlan Create(ReadOnlySpan<PlannedFault> faults) => faults.IsEmpty ? None : new FaultPlan(faults.ToArray());

    /// <summary>The plan as a C# collection expression, which makes this plan when it is pasted.</summary>
    public string ToCSharp() => Count == 0 ? "[]" : $"[{string.Join(", ", _faults.Select(fault => fault.ToCSharp()))}]";

    /// <inheritdoc/>
    public IEnumerator<PlannedFault> GetEnumerator() => ((IEnumerable<PlannedFault>)_faults).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(FaultPlan? other) => other is not null && _faults.AsSpan().SequenceEqual(other._faults);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as FaultPlan);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (PlannedFault fault in _faults)
        {
            hash.Add(fault);
        }

        return hash.ToHashCode();
    }

    /// <summary>One line for each fault.</summary>
    public override string ToString() => Count == 0 ? "no faults" : string.Join(Environment.NewLine, _faults);
}
