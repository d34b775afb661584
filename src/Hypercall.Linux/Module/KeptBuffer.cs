using System.Globalization;

namespace Hypercall.Linux;

/// <summary>
/// A buffer that the kernel module keeps for a VMM: as it stood in the module's list.
/// </summary>
public sealed class KeptBuffer
{
    private KeptBuffer(uint id, GuestPhysicalAddress address, long length, bool isOpen, int processId, string processName)
    {
        Id = id;
        PhysicalAddress = address;
        Length = length;
        IsOpen = isOpen;
        ProcessId = processId;
        ProcessName = processName;
    }

    /// <summary>Its number, 1 and more.</summary>
    public uint Id { get; }

    /// <summary>The guest physical address of its first byte: what the VMM was told.</summary>
    public GuestPhysicalAddress PhysicalAddress { get; }

    /// <summary>Its length in bytes: whole pages.</summary>
    public long Length { get; }

    /// <summary>Whether a program still has it: then only that one can release it.</summary>
    public bool IsOpen { get; }

    /// <summary>The process that had it kept, by the number that it had then.</summary>
    public int ProcessId { get; }

    /// <summary>That process's name, as the kernel had it: 15 characters at most, odd ones shown as <c>?</c>.</summary>
    public string ProcessName { get; }

    /// <summary>The number, the length, and who had it kept; not the address.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"buffer {Id}, {Length} bytes, kept by {ProcessName} ({ProcessId}), {(IsOpen ? "open" : "closed")}");

    /// <summary>Reads a line of the list: <c>id=3 gpa=0x1000 size=4096 file=closed pid=17 comm=agent</c>.</summary>
    /// <param name="line">The line.</param>
    /// <returns>The buffer; null when the line is no buffer's.</returns>
    internal static KeptBuffer? TryParse(string line)
    {
        Dictionary<string, string> words = new(StringComparer.Ordinal);
        foreach (string word in line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = word.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
            {
                words[word[..equals]] = word[(equals + 1)..];
            }
        }

        string gpa = words.GetValueOrDefault("gpa", "");
        return uint.TryParse(words.GetValueOrDefault("id"), NumberStyles.None, CultureInfo.InvariantCulture, out uint id)
            && gpa.StartsWith("0x", StringComparison.Ordinal)
            && ulong.TryParse(gpa.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong address)
            && long.TryParse(words.GetValueOrDefault("size"), NumberStyles.None, CultureInfo.InvariantCulture, out long size)
            && size > 0
            ? new KeptBuffer(
                id,
                new GuestPhysicalAddress(address),
                size,
                words.GetValueOrDefault("file") != "closed",
                int.TryParse(words.GetValueOrDefault("pid"), NumberStyles.None, CultureInfo.InvariantCulture, out int process)
                    ? process
                    : 0,
                words.GetValueOrDefault("comm", ""))
            : null;
    }
}
