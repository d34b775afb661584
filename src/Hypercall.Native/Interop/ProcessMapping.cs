using System.Globalization;

namespace Hypercall.Native.Interop;

/// <summary>A mapping of this process, as the kernel tells it in text.</summary>
/// <remarks>
/// <code>
///   /proc/self/maps    start-end rwxp offset dev inode   path        a line for each mapping, in ascending order: proc_pid_maps(5)
///   /proc/self/smaps   the same line, then "Name: value" lines, VmFlags the last of them: proc_pid_smaps(5)
/// </code>
/// </remarks>
/// <param name="Start">Its first byte.</param>
/// <param name="End">The byte after its last one.</param>
/// <param name="IsWritable">Whether the process may store into it.</param>
/// <param name="IsShared">Whether a store goes to what is behind it, and not into a copy.</param>
/// <param name="Path">The file behind it, or null.</param>
/// <param name="Flags">The words behind <c>VmFlags:</c>, such as <c>rd wr lo</c>; empty without smaps.</param>
internal sealed record ProcessMapping(nuint Start, nuint End, bool IsWritable, bool IsShared, string? Path, string Flags)
{
    /// <summary>Whether its pages are locked: <c>lo</c> among the flags.</summary>
    public bool IsLocked => Flags.Split(' ').Contains("lo");

    /// <summary>Whether its pages come from the huge page pool: <c>ht</c> among the flags.</summary>
    public bool IsOfPool => Flags.Split(' ').Contains("ht");

    /// <summary>The mappings, without flags; none where nobody mounted /proc, or it may not be read.</summary>
    public static IEnumerable<ProcessMapping> Read() => Parse(Lines("/proc/self/maps"));

    /// <summary>The mappings with their flags, which costs the kernel a walk over the pages of each.</summary>
    public static IEnumerable<ProcessMapping> ReadWithFlags() => Parse(Lines("/proc/self/smaps"));

    /// <summary>Reads the text of maps or smaps; lines that are neither header nor flags say nothing here.</summary>
    /// <param name="lines">The lines.</param>
    public static IEnumerable<ProcessMapping> Parse(IEnumerable<string> lines)
    {
        const string FlagsName = "VmFlags:";
        ProcessMapping? current = null;
        foreach (string line in lines)
        {
            if (ParseHeader(line) is { } header)
            {
                if (current is not null)
                {
                    yield return current;
                }

                current = header;
            }
            else if (current is not null && line.StartsWith(FlagsName, StringComparison.Ordinal))
            {
                current = current with { Flags = line[FlagsName.Length..].Trim() };
            }
        }

        if (current is not null)
        {
            yield return current;
        }
    }

    private static ProcessMapping? ParseHeader(string line)
    {
        int dash = line.IndexOf('-', StringComparison.Ordinal);
        int blank = line.IndexOf(' ', StringComparison.Ordinal);
        if (dash <= 0 || blank <= dash || blank + 4 >= line.Length
            || !nuint.TryParse(line.AsSpan(0, dash), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out nuint start)
            || !nuint.TryParse(line.AsSpan(dash + 1, blank - dash - 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out nuint end))
        {
            return null;
        }

        int path = line.IndexOf('/', StringComparison.Ordinal);
        return new ProcessMapping(start, end, line[blank + 2] == 'w', line[blank + 4] == 's', path < 0 ? null : line[path..], "");
    }

    private static IEnumerable<string> Lines(string file)
    {
        StreamReader? reader = null;
        try
        {
            reader = new StreamReader(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }

        using (reader)
        {
            while (reader?.ReadLine() is { } line)
            {
                yield return line;
            }
        }
    }
}
