using System.IO.Compression;
using System.Xml.Linq;

namespace Hypercall.Packages.Tests;

/// <summary>
/// All packages, packed once into a folder that serves as a feed; and folders for programs that use them, outside of the
/// checkout.
/// </summary>
public sealed class Feed : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hypercall-packages-");

    /// <summary>Where the packages are.</summary>
    public string Packages => Path.Combine(_folder.FullName, "feed");

    /// <summary>What this repository calls its version.</summary>
    public static string ProductVersion { get; } = XDocument.Load(Checkout.Full("Directory.Build.props")).Descendants("VersionPrefix").Single().Value;

    /// <summary>
    /// The packages' version, one that no machine has: a package is restored once, and one of an earlier day would be tested in
    /// place of these.
    /// </summary>
    public string Version { get; } = $"{ProductVersion}-test.t{Guid.NewGuid():N}";

    public async ValueTask InitializeAsync()
    {
        ProcessRun pack = await Dotnet.QuietAsync(
            "pack", Checkout.Full("Hypercall.sln"), "-c", Built.Configuration, "--no-build", "-p:PackageOutputPath=" + Packages, "-p:PackageVersion=" + Version);
        Assert.True(pack.ExitCode == 0, pack.Out + pack.Error);
        Assert.Equal([], Dotnet.Complaints(pack));
    }

    public ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// An empty folder for a program of a user, where restoring asks this feed too, and puts nothing of ours where other programs
    /// look.
    /// </summary>
    public string NewFolder(string name)
    {
        string folder = _folder.CreateSubdirectory(name).FullName;
        string others = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        File.WriteAllText(Path.Combine(folder, "Directory.Build.props"), $"""
            <Project>
              <PropertyGroup>
                <RestoreAdditionalProjectSources>{Packages}</RestoreAdditionalProjectSources>
                <RestorePackagesPath>{Path.Combine(_folder.FullName, "restored")}</RestorePackagesPath>
                <RestoreFallbackFolders>{(Directory.Exists(others) ? others : "")}</RestoreFallbackFolders>
              </PropertyGroup>
            </Project>
            """);
        return folder;
    }

    internal ZipArchive Open(string package) => ZipFile.OpenRead(Path.Combine(Packages, $"{package}.{Version}.nupkg"));

    internal ZipArchive OpenSymbols(string package) => ZipFile.OpenRead(Path.Combine(Packages, $"{package}.{Version}.snupkg"));
}
