namespace Hypercall.Native;

/// <summary>CPUID of one CPU, executed on a thread that has it: see <see cref="OwnThread"/>.</summary>
internal sealed class BoundCpuid(string name, ICpuid inner, IThreadTerm term) : ICpuid, IDisposable
{
    private readonly OwnThread _thread = new(name, [term]);
    private readonly Leaf _leaf = new(inner);

    // As OwnThreadChannel's.
    ~BoundCpuid() => _ = _thread.EndSoon();

    public CpuidResult Query(uint leaf, uint subleaf = 0)
    {
        lock (_thread.Turn)
        {
            (_leaf.Number, _leaf.Sub) = (leaf, subleaf);
            ChannelRefusal? refusal = _thread.Do(_leaf);
            GC.KeepAlive(this);
            return refusal is null ? _leaf.Result : throw new HypercallRefusedException(refusal);
        }
    }

    public void Dispose()
    {
        _thread.End();
        GC.SuppressFinalize(this);
    }

    private sealed class Leaf(ICpuid inner) : ThreadWork
    {
        public uint Number { get; set; }

        public uint Sub { get; set; }

        public CpuidResult Result { get; private set; }

        protected override void Do() => Result = inner.Query(Number, Sub);
    }
}
