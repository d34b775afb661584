using System.Diagnostics.CodeAnalysis;

namespace Hypercall.Testing;

public sealed partial class FakeCall
{
    /// <summary>The caller's privilege level: 3 for a program, 0 for a kernel.</summary>
    public int Cpl { get; internal init; } = 3;

    internal GuestVirtualAddress? InjectedAt { get; private set; }

    /// <summary>Copies from guest memory through the guest's page table, page by page, in ascending order.</summary>
    /// <param name="source">The guest virtual address of the first byte.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="policy">What to do at a page that is absent.</param>
    public FakeCopy CopyFromGuest(GuestVirtualAddress source, Span<byte> destination, AbsentPagePolicy policy = AbsentPagePolicy.Stop)
    {
        if (policy == AbsentPagePolicy.Fail && !Probe(source, destination.Length, false))
        {
            return new FakeCopy(FakeCopyOutcome.Stopped, 0);
        }

        return TryReadVirtual(source, destination, out int done) ? new FakeCopy(FakeCopyOutcome.Completed, done) : End(source, done, policy);
    }

    /// <summary>Copies to guest memory through the guest's page table, page by page, in ascending order.</summary>
    /// <param name="destination">The guest virtual address of the first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="policy">What to do at a page that is absent or not writable.</param>
    public FakeCopy CopyToGuest(GuestVirtualAddress destination, ReadOnlySpan<byte> source, AbsentPagePolicy policy = AbsentPagePolicy.Stop)
    {
        if (policy == AbsentPagePolicy.Fail && !Probe(destination, source.Length, true))
        {
            return new FakeCopy(FakeCopyOutcome.Stopped, 0);
        }

        return TryWriteVirtual(destination, source, out int done) ? new FakeCopy(FakeCopyOutcome.Completed, done) : End(destination, done, policy);
    }

    internal PageWalk Walk(GuestVirtualAddress address, bool isWrite = false)
    {
        Span<byte> one = stackalloc byte[1];
        return new PageWalk(TryReadVirtual(address, one, out _) && (!isWrite || TryWriteVirtual(address, one, out _)));
    }

    internal void InjectPageFault(GuestVirtualAddress address, bool isWrite)
    {
        InjectedAt = address;
        _ = isWrite;
    }

    /// <summary>Reads one byte through the guest's page table.</summary>
    /// <param name="address">Its guest virtual address.</param>
    /// <param name="value">The byte.</param>
    /// <returns>Whether the page is present.</returns>
    public bool TryReadLinearByte(GuestVirtualAddress address, out byte value)
    {
        Span<byte> one = stackalloc byte[1];
        bool isRead = TryReadVirtual(address, one, out _);
        value = one[0];
        return isRead;
    }

    /// <summary>Writes one byte through the guest's page table.</summary>
    /// <param name="address">Its guest virtual address.</param>
    /// <param name="value">The byte.</param>
    /// <returns>Whether the page is present and writable.</returns>
    public bool TryWriteLinearByte(GuestVirtualAddress address, byte value) => TryWriteVirtual(address, [value], out _);

    /// <summary>Maps guest-physical memory.</summary>
    /// <param name="start">The guest physical address of the first byte.</param>
    /// <param name="length">How many bytes, 1 and more.</param>
    /// <param name="access">What is to be done with it.</param>
    /// <param name="view">The memory.</param>
    /// <returns>False if there is a hole in it.</returns>
    public bool TryMap(GuestPhysicalAddress start, long length, FakeMapAccess access, [NotNullWhen(true)] out FakeView? view)
    {
        Span<byte> one = stackalloc byte[1];
        for (long at = 0; at < length; at += GuestPage.Size - (long)((start.Value + (ulong)at) % GuestPage.Size))
        {
            if (!TryReadPhysical(new GuestPhysicalAddress(start.Value + (ulong)at), one, out _))
            {
                view = null;
                return false;
            }
        }

        view = new FakeView(_memory, start, length, access);
        return true;
    }

    private FakeCopy End(GuestVirtualAddress start, long done, AbsentPagePolicy policy)
    {
        if (policy != AbsentPagePolicy.InjectPageFault)
        {
            return new FakeCopy(FakeCopyOutcome.Stopped, done);
        }

        InjectedAt = new GuestVirtualAddress(start.Value + (ulong)done);
        return new FakeCopy(FakeCopyOutcome.Injected, done);
    }

    private bool Probe(GuestVirtualAddress start, long length, bool isWrite)
    {
        for (long at = 0; at < length; at += GuestPage.Size - (long)((start.Value + (ulong)at) % GuestPage.Size))
        {
            if (!Walk(new GuestVirtualAddress(start.Value + (ulong)at), isWrite).IsPresent)
            {
                return false;
            }
        }

        return true;
    }

    internal readonly record struct PageWalk(bool IsPresent);
}
