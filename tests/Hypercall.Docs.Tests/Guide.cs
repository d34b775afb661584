namespace Hypercall.Docs.Tests;

/// <summary>The pages of the checkout.</summary>
internal static class Guide
{
    // Folders with pages that are the project's own word; the root's own pages too.
    private static readonly string[] Folders = ["docs", "kernel", "rig", "src", "samples"];

    /// <summary>The page whose C# is projects of their own.</summary>
    public const string PageOfProjects = "docs/test-frameworks.md";

    /// <summary>Every Markdown page, by its path from the root.</summary>
    public static IReadOnlyList<string> PagePaths { get; } =
    [
        .. Directory.EnumerateFiles(Checkout.Root, "*.md")
            .Concat(Folders.Select(folder => Checkout.Full(folder)).Where(Directory.Exists).SelectMany(folder => Directory.EnumerateFiles(folder, "*.md", SearchOption.AllDirectories)))
            .Select(file => Path.GetRelativePath(Checkout.Root, file).Replace('\\', '/'))
            .Where(path => !path.Contains("/bin/", StringComparison.Ordinal) && !path.Contains("/obj/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal),
    ];

    public static MarkdownPage Page(string path) => MarkdownPage.Parse(path, File.ReadAllText(Checkout.Full(path)));
}
