namespace Hypercall.Cli.Memory;

/// <summary>A buffer under observation: where its pages lay at first.</summary>
internal sealed class Specimen : IDisposable
{
    private readonly GuestBuffer? _buffer;
    private readonly string? _mechanism;
    private readonly GuestMemoryRefusal? _refusal;
    private readonly Residency _asked;
    private GuestPageMap? _before;
    private GuestMemoryRefusal? _unknown;

    private Specimen(Residency asked, GuestBuffer? buffer, string? mechanism, GuestMemoryRefusal? refusal)
    {
        _asked = asked;
        _buffer = buffer;
        _mechanism = mechanism;
        _refusal = refusal;
    }

    public GuestBuffer? Buffer => _buffer;

    public static Specimen Take(IMemoryLab lab, Residency residency, long length)
    {
        GuestBuffer? buffer;
        GuestMemoryRefusal? refusal;
        string? mechanism = null;
        _ = residency == Residency.Pinned
            ? lab.TryPin(length, out buffer, out mechanism, out refusal)
            : lab.Memory.TryAllocate(length, new GuestBufferOptions { Residency = residency }, out buffer, out refusal);
        Specimen specimen = new(residency, buffer, mechanism, refusal);
        _ = buffer?.TryQueryPages(out specimen._before, out specimen._unknown);
        return specimen;
    }

    /// <summary>What it is, and how many of its pages lie elsewhere now.</summary>
    public BufferReport Observe()
    {
        BufferReport report = new(_asked) { Refusal = _refusal };
        if (_buffer is null)
        {
            return report;
        }

        report = report with
        {
            Got = _buffer.Residency.ToString().ToLowerInvariant(),
            Mechanism = _mechanism,
            Bytes = _buffer.Length,
            Pages = GuestPage.Count(_buffer.Address, _buffer.Length),
            Refusal = _unknown,
        };
        if (_before is null)
        {
            return report;
        }

        if (!_buffer.TryQueryPages(out GuestPageMap? after, out GuestMemoryRefusal? unknown))
        {
            return report with { Refusal = unknown };
        }

        ReadOnlySpan<GuestPage> before = _before.Pages.Span;
        report = report with { Present = CountPresent(after.Pages.Span) };
        if (before[0].State == GuestPageState.FrameHidden) // then all are
        {
            _ = _before.TryGetPagedRange(out _, out unknown);
            return report with { Refusal = unknown };
        }

        return report with { Extents = Extent.Of(before), Moved = CountMoved(before, after.Pages.Span) };
    }

    public void Dispose() => _buffer?.Dispose();

    private static long CountPresent(ReadOnlySpan<GuestPage> pages)
    {
        long present = 0;
        foreach (GuestPage page in pages)
        {
            present += page.State is GuestPageState.Present or GuestPageState.FrameHidden ? 1 : 0;
        }

        return present;
    }

    private static long CountMoved(ReadOnlySpan<GuestPage> before, ReadOnlySpan<GuestPage> after)
    {
        long moved = 0;
        for (int i = 0; i < before.Length; i++)
        {
            bool stayed = before[i].State == GuestPageState.Present && after[i].State == GuestPageState.Present && before[i].Frame == after[i].Frame;
            moved += stayed ? 0 : 1;
        }

        return moved;
    }
}
