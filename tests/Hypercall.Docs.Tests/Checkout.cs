namespace Hypercall.Docs.Tests;

/// <summary>The checkout that these tests were built from, and its pages.</summary>
internal static class Checkout
{
    // Folders with pages that are the project's own word; the root's own pages too.
    private static readonly string[] Folders = ["docs", "rig", "src", "samples"];

    public static string Root { get; } = FindRoot();

    /// <summary>Every Markdown page, by its path from the root.</summary>
    public static IReadOnlyList<string> PagePaths { get; } =
    [
        .. Directory.EnumerateFiles(Root, "*.md")
            .Concat(Folders.Select(Full).Where(Directory.Exists).SelectMany(folder => Directory.EnumerateFiles(folder, "*.md", SearchOption.AllDirectories)))
            .Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/'))
            .Where(path => !path.Contains("/bin/", StringComparison.Ordinal) && !path.Contains("/obj/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal),
    ];

    public static string Full(string path) => Path.Combine(Root, path);

    public static MarkdownPage Page(string path) => MarkdownPage.Parse(path, File.ReadAllText(Full(path)));

    private static string FindRoot()
    {
        // Not the path of this file: a deterministic build maps it away.
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Hypercall.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"No Hypercall.sln above {AppContext.BaseDirectory}: run these tests where they were built.");
    }
}
