namespace Hypercall.Testing;

/// <summary>A function that a test registered.</summary>
/// <param name="name">Its name; what the trace calls it.</param>
/// <param name="handler">What it does.</param>
/// <param name="convention">In which convention it is called; null for that of the VMM's names.</param>
internal sealed class FakeFunction(string name, Action<FakeCall> handler, HypercallConvention? convention)
{
    public string Name => name;

    public Action<FakeCall> Handler => handler;

    public HypercallConvention? Convention => convention;
}
