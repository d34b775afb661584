namespace Hypercall.Guest.Tests.Rig;

/// <summary>The checkout that these tests were built from.</summary>
internal static class Checkout
{
    public static string Root { get; } = FindRoot();

    /// <summary>Where the logs of guests are kept; it is made when it is missing.</summary>
    public static string Logs => Directory.CreateDirectory(Path.Combine(Root, "artifacts", "rig", "logs")).FullName;

    private static string FindRoot()
    {
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
