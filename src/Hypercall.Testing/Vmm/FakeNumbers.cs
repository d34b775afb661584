using System.Collections.Immutable;
using System.Globalization;

namespace Hypercall.Testing;

/// <summary>The functions of a fake VMM that are called by number in one convention. Immutable.</summary>
internal sealed class FakeNumbers(HypercallConvention convention, ImmutableDictionary<ulong, FakeFunction> functions)
{
    public HypercallConvention Convention => convention;

    public bool IsEmpty => functions.IsEmpty;

    public bool Contains(ulong number) => functions.ContainsKey(number);

    /// <summary>The function that a frame calls; null if the frame is none of this convention, or calls another number.</summary>
    public FakeFunction? Find(in HypercallRegisters registers) => FakeConventions.IsCall(convention, in registers)
        ? functions.GetValueOrDefault(convention.Number.Read(in registers))
        : null;

    public FakeNumbers With(ulong number, Action<FakeCall> handler)
    {
        _ = convention.CreateFrame(number); // one that does not fit is refused here
        string name = string.Create(CultureInfo.InvariantCulture, $"{convention} {number}");
        return new FakeNumbers(convention, functions.SetItem(number, new FakeFunction(name, handler, convention)));
    }

    public FakeNumbers Without(ulong number) => new(convention, functions.Remove(number));
}
