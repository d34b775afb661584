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
        if (policy == AbsentPagePolicy.Fail && ProbeGuest(source, destination.Length, FakeMapAccess.Read, policy) is { IsCompleted: false } failed)
        {
            return failed;
        }

        return TryReadVirtual(source, destination, out int done) ? new FakeCopy(FakeCopyOutcome.Completed, done) : End(source, done, policy);
    }

    /// <summary>Copies to guest memory through the guest's page table, page by page, in ascending order.</summary>
    /// <param name="destination">The guest virtual address of the first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="policy">What to do at a page that is absent or not writable.</param>
    public FakeCopy CopyToGuest(GuestVirtualAddress destination, ReadOnlySpan<byte> source, AbsentPagePolicy policy = AbsentPagePolicy.Stop)
    {
        if (policy == AbsentPagePolicy.Fail && ProbeGuest(destination, source.Length, FakeMapAccess.Write, policy) is { IsCompleted: false } failed)
        {
            return failed;
        }

        return TryWriteVirtual(destination, source, out int done) ? new FakeCopy(FakeCopyOutcome.Completed, done) : End(destination, done, policy);
    }

    /// <summary>Walks to each page of a range, and copies nothing.</summary>
    /// <param name="start">The guest virtual address of the first byte.</param>
    /// <param name="length">How many bytes, 0 and more.</param>
    /// <param name="access">What is to be done with them later.</param>
    /// <param name="policy">What to do at the first page that is absent, or not writable when it has to be: <see cref="AbsentPagePolicy.Fail"/> is as good as <see cref="AbsentPagePolicy.Stop"/>.</param>
    /// <returns>Whether all pages are there; no byte is done.</returns>
    public FakeCopy ProbeGuest(GuestVirtualAddress start, long length, FakeMapAccess access, AbsentPagePolicy policy = AbsentPagePolicy.Fail)
    {
        Span<byte> one = stackalloc byte[1];
        for (long at = 0; at < length; at += GuestPage.Size - (long)((start.Value + (ulong)at) % GuestPage.Size))
        {
            GuestVirtualAddress address = new(start.Value + (ulong)at);
            if (!TryReadVirtual(address, one, out _) || (access == FakeMapAccess.Write && !TryWriteVirtual(address, one, out _)))
            {
                return End(address, 0, policy);
            }
        }

        return new FakeCopy(FakeCopyOutcome.Completed, 0);
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
}
