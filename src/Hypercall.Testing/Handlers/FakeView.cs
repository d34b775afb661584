namespace Hypercall.Testing;

/// <summary>Guest-physical memory as the VMM has it mapped. It stays usable after the call, as a VMM's mapping does, wherever the guest's page is by then.</summary>
public sealed class FakeView
{
    private readonly FakeGuestMemory _memory;
    private readonly FakeMapAccess _access;

    internal FakeView(FakeGuestMemory memory, GuestPhysicalAddress start, long length, FakeMapAccess access)
    {
        _memory = memory;
        _access = access;
        Start = start;
        Length = length;
    }

    /// <summary>The guest physical address of the first byte.</summary>
    public GuestPhysicalAddress Start { get; }

    /// <summary>How many bytes.</summary>
    public long Length { get; }

    /// <summary>Reads bytes.</summary>
    /// <param name="offset">Where they start in the view, 0 and more.</param>
    /// <param name="destination">Where they go.</param>
    /// <returns>False if the VMM has given the call up: a planned fault struck. Return from the handler then.</returns>
    /// <exception cref="ArgumentOutOfRangeException">They leave the view.</exception>
    public bool Read(long offset, Span<byte> destination)
    {
        Check(offset, destination.Length);
        return _memory.TryReadPhysical(new GuestPhysicalAddress(Start.Value + (ulong)offset), destination, out _);
    }

    /// <summary>Writes bytes.</summary>
    /// <param name="offset">Where they start in the view, 0 and more.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>False if the VMM has given the call up: a planned fault struck. Return from the handler then.</returns>
    /// <exception cref="ArgumentOutOfRangeException">They leave the view.</exception>
    /// <exception cref="InvalidOperationException">The view is for reading.</exception>
    public bool Write(long offset, ReadOnlySpan<byte> source)
    {
        Check(offset, source.Length);
        if (_access != FakeMapAccess.Write)
        {
            throw new InvalidOperationException("The memory was mapped for reading. Map it with FakeMapAccess.Write to write to it.");
        }

        return _memory.TryWritePhysical(new GuestPhysicalAddress(Start.Value + (ulong)offset), source, out _);
    }

    private void Check(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - offset);
    }
}
