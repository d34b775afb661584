using System.Reflection;
using System.Xml.Linq;

namespace Hypercall.Packages.Tests;

/// <summary>The checkout that these tests were built from.</summary>
internal static class Checkout
{
    public static string Root { get; } = FindRoot();

    /// <summary>Release or Debug, as these tests were built.</summary>
    public static string Configuration { get; } = typeof(Checkout).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;

    public static string Full(params string[] path) => Path.Combine([Root, .. path]);

    /// <summary>The version of a package that this repository itself uses.</summary>
    public static string VersionOf(string package) => XDocument.Load(Full("Directory.Packages.props")).Descendants("PackageVersion")
        .Single(version => (string?)version.Attribute("Include") == package).Attribute("Version")!.Value;

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
