namespace Hypercall.Testing;

/// <summary>
/// A range of guest-physical memory that a VMM has mapped. It stays mapped after the call, as a VMM's mapping does: what the
/// guest's kernel does with the frames meanwhile is not the VMM's to know.
/// </summary>
public sealed class FakeView
{
    private readonly FakeCall _call;

    internal FakeView(FakeCall call, GuestPhysicalAddress start, long length, FakeMapAccess access)
    {
        _call = call;
        Start = start;
        Length = length;
        Access = access;
    }

    /// <summary>The guest-physical address of the first byte.</summary>
    public GuestPhysicalAddress Start { get; }

    /// <summary>Length in bytes.</summary>
    public long Length { get; }

    /// <summary>What it was mapped for.</summary>
    public FakeMapAccess Access { get; }

    /// <summary>Reads bytes.</summary>
    /// <param name="offset">Where they start, in bytes from <see cref="Start"/>.</param>
    /// <param name="destination">Where they go.</param>
    /// <returns>False if the VMM has given the call up: a planned fault occurred. Return from the handler then.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The bytes leave the range.</exception>
    public bool Read(long offset, Span<byte> destination)
    {
        Check(offset, destination.Length);
        return _call.CopyPhysical(Start.Value + (ulong)offset, destination, isWrite: false, maps: false, out _);
    }

    /// <summary>Writes bytes.</summary>
    /// <param name="offset">Where they start, in bytes from <see cref="Start"/>.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>False if the VMM has given the call up: a planned fault occurred. Return from the handler then.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The bytes leave the range.</exception>
    /// <exception cref="InvalidOperationException">The range was mapped for reading.</exception>
    /// <exception cref="FakeMachineException"><see cref="FakeOracle.VmmPanic"/>: a page is ROM-faked.</exception>
    public bool Write(long offset, ReadOnlySpan<byte> source)
    {
        Check(offset, source.Length);
        return Access == FakeMapAccess.Write
            ? _call.CopyPhysical(Start.Value + (ulong)offset, FakeCall.Writable(source), isWrite: true, maps: false, out _)
            : throw new InvalidOperationException($"The range was mapped for reading. Map it with {nameof(FakeMapAccess)}.{nameof(FakeMapAccess.Write)}.");
    }

    private void Check(long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
    }
}
