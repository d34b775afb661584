namespace Hypercall;

/// <summary>Small texts of the guest's kernel.</summary>
internal static class GuestFile
{
    private const int MaxLength = 128; // what goes into a sentence

    /// <summary>The first line of a file, trimmed; null where there is none, or nothing in it.</summary>
    /// <param name="signs">Where files are.</param>
    /// <param name="path">The file.</param>
    public static string? Line(IHypervisorSigns signs, string path)
    {
        string line = (signs.TryReadFile(path) ?? "").Split('\n')[0].Trim().Trim('\0');
        return line.Length == 0 ? null : line.Length > MaxLength ? line[..MaxLength] : line;
    }

    /// <summary>The value of the first line <c>name : value</c>; null where there is none.</summary>
    /// <param name="text">The lines.</param>
    /// <param name="name">The name.</param>
    public static string? Field(string text, string name)
    {
        foreach (string line in text.Split('\n'))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0 && line.AsSpan(0, colon).Trim().SequenceEqual(name))
            {
                return line[(colon + 1)..].Trim();
            }
        }

        return null;
    }
}
