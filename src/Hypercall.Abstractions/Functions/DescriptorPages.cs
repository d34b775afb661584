using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Hypercall;

/// <summary>
/// The pages that a function's transfers write descriptors into: as many as transfers ran at one time, kept for the next ones.
/// </summary>
internal sealed class DescriptorPages
{
    private static readonly GuestBufferOptions Pinned = new() { Residency = Residency.Pinned }; // like everything that the VMM finds by physical address
    private static readonly GuestBufferOptions Present = new() { Residency = Residency.Pinned, AllowFallback = true };

    private readonly ConcurrentBag<DescriptorPage> _physical = [];
    private readonly ConcurrentBag<DescriptorPage> _virtual = [];

    public bool TryTake(
        IGuestMemory memory, bool byVirtualAddress, [NotNullWhen(true)] out DescriptorPage? page, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        refusal = null;
        if ((byVirtualAddress ? _virtual : _physical).TryTake(out page))
        {
            return true;
        }

        if (!memory.TryAllocate(GuestPage.Size, byVirtualAddress ? Present : Pinned, out GuestBuffer? buffer, out refusal))
        {
            return false;
        }

        if (byVirtualAddress)
        {
            page = new DescriptorPage(buffer, buffer.Address.Value, IsByVirtualAddress: true);
            return true;
        }

        if (!Transfer.TryTranslate(memory, buffer, buffer.Address, buffer.Length, out PagedRange? range, out refusal))
        {
            buffer.Dispose();
            return false;
        }

        page = new DescriptorPage(buffer, range.Start.Value, IsByVirtualAddress: false);
        return true;
    }

    public void Return(DescriptorPage page) => (page.IsByVirtualAddress ? _virtual : _physical).Add(page);
}

/// <summary>A page for descriptors.</summary>
/// <param name="Buffer">Its memory.</param>
/// <param name="Address">Where the VMM finds it.</param>
/// <param name="IsByVirtualAddress">Whether that is its virtual address.</param>
internal sealed record DescriptorPage(GuestBuffer Buffer, ulong Address, bool IsByVirtualAddress);
