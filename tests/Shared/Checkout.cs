namespace Hypercall.Tests;

/// <summary>The checkout that these tests were built from.</summary>
internal static class Checkout
{
    public static string Root { get; } = FindRoot();

    /// <summary>A file or folder of it.</summary>
    /// <param name="path">Its path from the root.</param>
    public static string Full(params string[] path) => Path.Combine([Root, .. path]);

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
