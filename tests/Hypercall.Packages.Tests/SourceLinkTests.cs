using System.IO.Compression;
using System.Reflection.Metadata;
using System.Text;
using System.Text.Json;

namespace Hypercall.Packages.Tests;

/// <summary>A debugger finds the sources: at the public repository, or in the symbols.</summary>
public sealed class SourceLinkTests : IAsyncLifetime
{
    private const string Package = "Hypercall.Amd";

    // Of the Portable PDB format: custom debug information.
    private static readonly Guid SourceLink = new("CC110556-A091-4D38-9FEC-25AB9A351A6A");
    private static readonly Guid EmbeddedSource = new("0E8A571B-6926-466E-B4AD-8AB04611F5FE");

    private string? _problem;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hypercall-sourcelink-");

    private string Clone => Path.Combine(_folder.FullName, "clone");

    public async ValueTask InitializeAsync()
    {
        if (Path.Exists(Checkout.Full(".git")) && await ProcessRun.CanAsync("git", "--version"))
        {
            ProcessRun clone = await ProcessRun.OfAsync("git", LastResort.Bound, "clone", "--quiet", "--no-hardlinks", Checkout.Root, Clone);
            _problem = clone.ExitCode == 0 ? null : clone.Error;
        }
    }

    public ValueTask DisposeAsync()
    {
        foreach (FileInfo file in _folder.EnumerateFiles("*", SearchOption.AllDirectories))
        {
            file.Attributes = FileAttributes.Normal; // git's objects are read-only
        }

        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Packed_in_a_clone_of_a_public_repository_the_symbols_name_it_and_the_commit()
    {
        NeedsClone();
        await GitAsync("remote", "set-url", "origin", "https://github.com/example/hypercall.git");
        string commit = (await GitAsync("rev-parse", "HEAD")).Trim();
        (string nuspec, string? link, string[] embedded, _) = await PackAsync();
        Assert.Contains($"\"https://raw.githubusercontent.com/example/hypercall/{commit}/*\"", link, StringComparison.Ordinal);
        Assert.All(embedded, file => Assert.True(IsGenerated(file), file));
        Assert.Contains("url=\"https://github.com/example/hypercall", nuspec, StringComparison.Ordinal);
        Assert.Contains($"commit=\"{commit}\"", nuspec, StringComparison.Ordinal);
        Assert.Contains("<projectUrl>https://github.com/example/hypercall</projectUrl>", nuspec, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("git@github.com:example/hypercall.git", "https://github.com/example/hypercall.git", "https://github.com/example/hypercall")]
    [InlineData("https://me:token@github.com/example/hypercall", "https://github.com/example/hypercall", "https://github.com/example/hypercall")]
    [InlineData("https://git.example.org/mine/hypercall.git", "", "")]
    [InlineData("ssh://git@git.example.org/mine/hypercall.git", "", "")]
    [InlineData("/mine/hypercall", "", "")]
    public async Task A_package_names_a_public_repository_and_no_other(string origin, string repository, string project)
    {
        NeedsClone();
        _ = await GitAsync("remote", "set-url", "origin", origin);
        ProcessRun run = await Dotnet.RunAsync(
            "msbuild", Path.Combine(Clone, "src", Package), "-nologo", "-t:_InitializeNuspecRepositoryInformationProperties", "-getProperty:RepositoryUrl,PackageProjectUrl,RepositoryBranch");
        Assert.True(run.ExitCode == 0, run.Out + run.Error);
        JsonElement said = JsonDocument.Parse(run.Out).RootElement.GetProperty("Properties");
        Assert.Equal(repository, said.GetProperty("RepositoryUrl").GetString());
        Assert.Equal(project, said.GetProperty("PackageProjectUrl").GetString());
        Assert.Equal("", said.GetProperty("RepositoryBranch").GetString());
    }

    [Fact]
    public async Task Packed_in_a_clone_of_anything_else_the_symbols_hold_the_sources()
    {
        NeedsClone();
        (string nuspec, string? link, string[] embedded, string[] documents) = await PackAsync();
        Assert.Null(link);
        Assert.Equal(documents, embedded);
        Assert.Contains(embedded, file => file.EndsWith("/AmdProvider.cs", StringComparison.Ordinal));
        Assert.DoesNotContain(_folder.FullName, nuspec, StringComparison.Ordinal);
        Assert.DoesNotContain(Checkout.Root, nuspec, StringComparison.Ordinal);
    }

    /// <summary>What the build writes, and no repository has.</summary>
    private static bool IsGenerated(string file) => file.Contains("/obj/", StringComparison.Ordinal);

    private void NeedsClone()
    {
        Assert.SkipWhen(_problem?.Contains("dubious ownership", StringComparison.Ordinal) == true, $"git refuses a checkout of another user: {_problem}");
        Assert.Null(_problem);
        Assert.SkipUnless(Directory.Exists(Clone), "needs git, and a checkout of it");
    }

    private async Task<string> GitAsync(params string[] args)
    {
        ProcessRun run = await ProcessRun.OfAsync("git", LastResort.Bound, ["-C", Clone, .. args]);
        Assert.True(run.ExitCode == 0, run.Error);
        return run.Out;
    }

    private async Task<(string Nuspec, string? Link, string[] Embedded, string[] Documents)> PackAsync()
    {
        string output = Path.Combine(_folder.FullName, "packages");
        ProcessRun pack = await Dotnet.BuildAsync("pack", Path.Combine(Clone, "src", Package), "-c", "Release", "-p:ContinuousIntegrationBuild=true", "-p:PackageOutputPath=" + output);
        Assert.True(pack.ExitCode == 0, pack.Out + pack.Error);
        Assert.Equal([], Dotnet.Complaints(pack));
        using ZipArchive package = ZipFile.OpenRead(Directory.GetFiles(output, $"{Package}.*.nupkg").Single());
        using StreamReader nuspec = new(package.Entries.Single(entry => entry.Name.EndsWith(".nuspec", StringComparison.Ordinal)).Open());
        using ZipArchive symbols = ZipFile.OpenRead(Directory.GetFiles(output, $"{Package}.*.snupkg").Single());
        using MemoryStream pdb = new();
        await using (Stream stream = symbols.Entries.Single(entry => entry.Name == $"{Package}.pdb").Open())
        {
            await stream.CopyToAsync(pdb);
        }

        pdb.Position = 0;
        using MetadataReaderProvider provider = MetadataReaderProvider.FromPortablePdbStream(pdb);
        MetadataReader reader = provider.GetMetadataReader();
        CustomDebugInformation[] information = [.. reader.CustomDebugInformation.Select(reader.GetCustomDebugInformation)];
        byte[]? link = information.Where(one => reader.GetGuid(one.Kind) == SourceLink).Select(one => reader.GetBlobBytes(one.Value)).SingleOrDefault();
        string[] embedded = [.. information.Where(one => reader.GetGuid(one.Kind) == EmbeddedSource).Select(one => Name((DocumentHandle)one.Parent)).Order(StringComparer.Ordinal)];
        string[] documents = [.. reader.Documents.Select(Name).Order(StringComparer.Ordinal)];
        return (await nuspec.ReadToEndAsync(), link is null ? null : Encoding.UTF8.GetString(link), embedded, documents);

        string Name(DocumentHandle document) => reader.GetString(reader.GetDocument(document).Name);
    }
}
