using System.Reflection;

namespace Hypercall.Packages.Tests;

/// <summary>How the checkout was built.</summary>
internal static class Built
{
    /// <summary>Release or Debug, as these tests were built.</summary>
    public static string Configuration { get; } = typeof(Built).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
}
