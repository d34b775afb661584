namespace Hypercall.Native;

/// <summary>Memory that was granted and is being taken; disposed when it is taken, or will not be.</summary>
internal readonly struct MemoryClaim(MemoryBudget budget, MemoryDemand demand) : IDisposable
{
    public void Dispose() => budget?.Settle(demand);
}
