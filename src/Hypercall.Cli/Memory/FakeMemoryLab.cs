using System.Diagnostics.CodeAnalysis;
using Hypercall.Testing;

namespace Hypercall.Cli.Memory;

/// <summary>The memory of the fake machine: it moves what a kernel may move, and refuses what a kernel refuses.</summary>
internal sealed class FakeMemoryLab(FakeGuestMemory memory) : IMemoryLab
{
    public IGuestMemory Memory => memory;

    public GuestMemoryRefusal? CannotCompact => null;

    public bool TryPin(
        long length,
        [NotNullWhen(true)] out GuestBuffer? buffer,
        [NotNullWhen(true)] out string? mechanism,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        bool pinned = memory.TryAllocate(length, GuestBufferOptions.Default, out buffer, out refusal);
        mechanism = pinned ? "fake" : null;
        return pinned;
    }

    public IDisposable Fragment(CancellationToken cancellationToken) => new MemoryStream(); // its frames lie scattered from the start

    public void Compact(IEnumerable<GuestBuffer> buffers)
    {
        foreach (GuestBuffer buffer in buffers)
        {
            long pages = GuestPage.Count(buffer.Address, buffer.Length);
            for (int page = 0; page < pages; page++)
            {
                // Two of three pages, more or less what a real compaction moved.
                if (page % 3 != 2 && !TryMove(buffer, page))
                {
                    break;
                }
            }
        }
    }

    private bool TryMove(GuestBuffer buffer, int page)
    {
        try
        {
            memory.MigratePage(buffer, page);
            return true;
        }
        catch (InvalidOperationException) // pinned, as all its pages are
        {
            return false;
        }
    }
}
