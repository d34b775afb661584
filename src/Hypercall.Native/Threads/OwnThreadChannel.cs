namespace Hypercall.Native;

/// <summary>
/// A channel whose calls are made on a thread of its own: see <see cref="OwnThread"/>. Calls go one at a time; one that the VMM
/// does not return from holds up all others.
/// </summary>
internal sealed unsafe class OwnThreadChannel : IHypercallChannel, IManyFrames, IDisposable
{
    private readonly string _name;
    private readonly IThreadTerm[] _terms;
    private readonly OwnThread _thread;
    private readonly Frames _frames;

    /// <summary>Describes the channel: the thread starts with the first call.</summary>
    /// <param name="name">The thread's name.</param>
    /// <param name="inner">The channel that is called on the thread; disposed with this one.</param>
    /// <param name="terms">What the thread has to have.</param>
    public OwnThreadChannel(string name, IHypercallChannel inner, params IThreadTerm[] terms)
    {
        _name = name;
        _terms = terms;
        _thread = new OwnThread(name, terms);
        _frames = new Frames(inner);
    }

    // Nobody calls any more: the thread, which does not know this object, would wait for ever.
    ~OwnThreadChannel() => _ = _thread.EndSoon();

    public RegisterSet Carries => _frames.Inner.Carries;

    public RegisterSet Returns => _frames.Inner.Returns;

    public GeneralRegister? NumberRegister => _frames.Inner.NumberRegister;

    public IReadOnlyList<KeyValuePair<RegisterField, ulong>> Constants => _frames.Inner.Constants;

    /// <summary>A channel on a thread that has one thing more; one thread has all.</summary>
    /// <param name="channel">The channel; it is used no more.</param>
    /// <param name="name">The thread's name, if it has none yet.</param>
    /// <param name="term">What the thread has to have.</param>
    public static OwnThreadChannel With(IHypercallChannel channel, string name, IThreadTerm term)
    {
        if (channel is not OwnThreadChannel own)
        {
            return new OwnThreadChannel(name, channel, term);
        }

        own._thread.End(); // it was never started
        return new OwnThreadChannel($"{own._name}, {name}", own._frames.Inner, [term, .. own._terms]);
    }

    public HypercallStatus TryInvoke(ref HypercallRegisters registers)
    {
        fixed (HypercallRegisters* frame = &registers)
        {
            return Invoke(frame, 1, out _);
        }
    }

    public HypercallStatus TryInvokeAll(Span<HypercallRegisters> frames, out int completed)
    {
        if (frames.IsEmpty)
        {
            completed = 0;
            return HypercallStatus.Completed;
        }

        fixed (HypercallRegisters* first = frames)
        {
            return Invoke(first, frames.Length, out completed);
        }
    }

    /// <summary>
    /// Ends the thread, and with it what it has; a call from then on throws. Waits for the thread, unless a call is in the VMM:
    /// that one returns to its caller, and then the thread ends.
    /// </summary>
    public void Dispose()
    {
        _thread.End();
        (_frames.Inner as IDisposable)?.Dispose();
        GC.SuppressFinalize(this);
    }

    private HypercallStatus Invoke(HypercallRegisters* first, int count, out int completed)
    {
        lock (_thread.Turn)
        {
            _frames.First = first;
            _frames.Count = count;
            ChannelRefusal? refusal = _thread.Do(_frames);
            GC.KeepAlive(this);
            completed = refusal is null ? _frames.Completed : 0;
            return refusal is null ? _frames.Status : HypercallStatus.Refused(refusal);
        }
    }

    private sealed class Frames(IHypercallChannel inner) : ThreadWork
    {
        public IHypercallChannel Inner => inner;

        public HypercallRegisters* First { get; set; }

        public int Count { get; set; }

        public int Completed { get; private set; }

        public HypercallStatus Status { get; private set; }

        protected override void Do()
        {
            if (Count != 1)
            {
                Status = inner.TryInvokeAll(new Span<HypercallRegisters>(First, Count), out int completed);
                Completed = completed;
                return;
            }

            Status = inner.TryInvoke(ref *First);
            Completed = Status.IsCompleted ? 1 : 0;
        }
    }
}
