using System.Globalization;

namespace Hypercall.Native;

/// <summary>mlock and munlock.</summary>
internal sealed class LinuxPageLocker : IPageLocker
{
    /// <summary>The locks of this process.</summary>
    public static PageLockTable Process { get; } = new(new LinuxPageLocker());

    private const string Maps = "/proc/self/smaps"; // not there where nobody mounted /proc, as early in a boot: then nobody else has locked much either

    public int TryLock(PageSpan pages) => LinuxMemory.Lock(pages.Start, pages.Length);

    public void Unlock(PageSpan pages) => LinuxMemory.Unlock(pages.Start, pages.Length);

    public List<PageSpan> FindLocked(PageSpan pages, long ownBytes) => LinuxProcess.LockedBytes == ownBytes || !File.Exists(Maps) ? [] : ReadMaps(pages);

    // proc_pid_smaps(5): a header "start-end perms ..." for each mapping, in ascending order, and a line "VmFlags: rd wr ... lo" with lo = locked.
    private static List<PageSpan> ReadMaps(PageSpan pages)
    {
        List<PageSpan> locked = [];
        PageSpan mapping = default;
        foreach (string line in File.ReadLines(Maps))
        {
            int dash = line.IndexOf('-', StringComparison.Ordinal);
            if (dash > 0 && line.IndexOf(' ', StringComparison.Ordinal) is int space && space > dash
                && ulong.TryParse(line.AsSpan(0, dash), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong start)
                && ulong.TryParse(line.AsSpan(dash + 1, space - dash - 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong end))
            {
                mapping = new PageSpan(Math.Max((nuint)start, pages.Start), Math.Min((nuint)end, pages.End));
                if ((nuint)start >= pages.End)
                {
                    break;
                }
            }
            else if (mapping.Start < mapping.End && line.StartsWith("VmFlags:", StringComparison.Ordinal) && (line + " ").Contains(" lo ", StringComparison.Ordinal))
            {
                locked.Add(mapping);
            }
        }

        return locked;
    }
}
