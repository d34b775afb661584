namespace Hypercall.Cli.Tests;

/// <summary>The tool as a process of its own.</summary>
internal static class Tool
{
    /// <summary>Program and first arguments.</summary>
    public static string[] CommandLine { get; } =
        Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "hypercall.exe" : "hypercall") is var host && File.Exists(host)
            ? [host]
            : ["dotnet", Path.Combine(AppContext.BaseDirectory, "hypercall.dll")];
}
