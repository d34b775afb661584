using System.Reflection;
using System.Xml.Linq;

namespace Hypercall.Packages.Tests;

/// <summary>How the checkout was built, and with what.</summary>
internal static class Built
{
    /// <summary>Release or Debug, as these tests were built.</summary>
    public static string Configuration { get; } = typeof(Built).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;

    /// <summary>The version of a package that this repository itself uses.</summary>
    public static string VersionOf(string package) => XDocument.Load(Checkout.Full("Directory.Packages.props")).Descendants("PackageVersion")
        .Single(version => (string?)version.Attribute("Include") == package).Attribute("Version")!.Value;
}
