using Hypercall.BitVisor;

namespace Hypercall.Conformance;

/// <summary>What a scenario has to work with.</summary>
internal sealed class ScenarioContext(IConformanceMachine machine, int percent, int seed, Action<string> note)
{
    public IConformanceMachine Machine { get; } = machine;

    public IHypercallChannel Channel => Machine.Hardware.Channel;

    public IGuestMemory Memory => Machine.Hardware.Memory;

    /// <summary>A client with no memory of earlier scenarios.</summary>
    public BitVisorClient Vmm => field ??= new BitVisorClient(Machine.Hardware, convention: Machine.Convention);

    public RigClient Rig => field ??= new RigClient(Vmm);

    /// <summary>The same numbers on every run with the same seed, whatever ran before.</summary>
    public Random Random { get; } = new(seed);

    /// <summary>
    /// Whether the machine is one on which large things are done less often (less than half of the repetitions).
    /// </summary>
    public bool IsSlow { get; } = percent < 50;

    /// <summary>How often to do something that is done this many times on a fast machine; at least once.</summary>
    /// <param name="times">How often there.</param>
    public int Repeat(int times) => (int)Math.Max(1, (long)times * percent / 100);

    /// <summary>How much memory to fragment, in bytes.</summary>
    public long Fragmented => IsSlow ? 32 << 20 : 256 << 20;

    /// <summary>Says something worth knowing that is no result, such as a measurement.</summary>
    /// <param name="text">One line.</param>
    public void Note(string text) => note(text);

    public GuestBuffer Allocate(long length, Residency residency = Residency.Pinned, Contiguity contiguity = Contiguity.Any) =>
        Memory.Allocate(length, residency, contiguity);

    /// <summary>The frames of a buffer at this moment.</summary>
    /// <param name="buffer">All of its pages are present.</param>
    public static PagedRange FramesOf(GuestBuffer buffer) =>
        buffer.TryQueryPages(out GuestPageMap? map, out GuestMemoryRefusal? refusal) && map.TryGetPagedRange(out PagedRange? range, out refusal)
            ? range
            : throw new ScenarioFailedException(refusal.Message);

    /// <summary>A buffer with random content.</summary>
    /// <param name="length">Bytes.</param>
    /// <param name="residency">How it is held.</param>
    /// <param name="contiguity">How it lies.</param>
    public GuestBuffer Fill(long length, Residency residency = Residency.Pinned, Contiguity contiguity = Contiguity.Any)
    {
        GuestBuffer buffer = Allocate(length, residency, contiguity);
        Random.NextBytes(buffer.Span);
        return buffer;
    }
}
