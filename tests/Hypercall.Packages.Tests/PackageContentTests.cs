using System.IO.Compression;
using System.Text;
using System.Xml.Linq;

namespace Hypercall.Packages.Tests;

/// <summary>What is in each package, and nothing else.</summary>
[Collection(SharedFeed.Name)]
public sealed class PackageContentTests(Feed feed)
{
    private static readonly byte[] PngSignature = [0x89, (byte)'P', (byte)'N', (byte)'G'];

    // A dependency that is missing here is one that its users would be made to carry.
    private static readonly Dictionary<string, string[]> Dependencies = new()
    {
        ["Hypercall.Abstractions"] = ["Microsoft.Extensions.DependencyInjection.Abstractions", "Microsoft.Extensions.Logging.Abstractions", "Microsoft.Extensions.Options"],
        ["Hypercall.BitVisor"] = ["Hypercall.Abstractions"],
        ["Hypercall.Native"] = ["Hypercall.Abstractions", "Iced", "Microsoft.Extensions.Logging.Abstractions"],
        ["Hypercall.Intel"] = ["Hypercall.Native"],
        ["Hypercall.Amd"] = ["Hypercall.Native"],
        ["Hypercall.Linux"] = ["Hypercall.Native"],
        ["Hypercall.Testing"] = ["Hypercall.Abstractions"],
        ["Hypercall.Testing.FsCheck"] = ["FsCheck", "Hypercall.Testing"],
        ["Hypercall.Testing.Xunit"] = ["FsCheck.Xunit", "Hypercall.Testing.FsCheck"],
        ["Hypercall.Testing.XunitV3"] = ["FsCheck.Xunit.v3", "Hypercall.Testing.FsCheck"],
        ["Hypercall.Cli"] = [],
    };

    // What a package says to the build of its user.
    private static readonly string[] WithTargets = ["Hypercall.Native", "Hypercall.Testing.Xunit", "Hypercall.Testing.XunitV3"];

    private static readonly string[] ToolFiles =
    [
        "DotnetToolSettings.xml", "Hypercall.Abstractions.dll", "Hypercall.Amd.dll", "Hypercall.BitVisor.dll", "Hypercall.Intel.dll", "Hypercall.Linux.dll", "Hypercall.Native.dll", "Hypercall.Testing.dll", "Iced.dll",
        "Microsoft.Extensions.DependencyInjection.Abstractions.dll", "Microsoft.Extensions.DependencyInjection.dll", "Microsoft.Extensions.Logging.Abstractions.dll",
        "Microsoft.Extensions.Options.dll", "Microsoft.Extensions.Primitives.dll", "Spectre.Console.Ansi.dll", "Spectre.Console.dll", "System.CommandLine.dll",
        "hypercall.deps.json", "hypercall.dll", "hypercall.runtimeconfig.json",
    ];

    public static TheoryData<string> All => [.. Dependencies.Keys];

    public static TheoryData<string> Libraries => [.. Dependencies.Keys.Where(package => package != "Hypercall.Cli")];

    [Fact]
    public void There_are_these_packages_and_no_others() => Assert.Equal(
        Dependencies.Keys.SelectMany(package => (string[])[$"{package}.{feed.Version}.nupkg", $"{package}.{feed.Version}.snupkg"]).Order(StringComparer.Ordinal),
        Directory.GetFiles(feed.Packages).Select(Path.GetFileName).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(All))]
    public void A_package_says_what_it_is(string package)
    {
        using ZipArchive content = feed.Open(package);
        XElement metadata = Metadata(content);
        Assert.Equal("MIT", Text("license"));
        Assert.True(Text("description").Length > 30, Text("description"));
        Assert.Contains("hypervisor", Text("tags"), StringComparison.Ordinal);
        Assert.Equal("README.md", Text("readme"));
        Assert.StartsWith($"# {(package == "Hypercall.Cli" ? "hypercall" : package)}\n", Read(content, "README.md"), StringComparison.Ordinal);
        Assert.Equal("icon.png", Text("icon"));
        Assert.Equal(PngSignature, Bytes(content, "icon.png")[..PngSignature.Length]);
        if (Path.Exists(Checkout.Full(".git"))) // an archive of the sources knows no commit
        {
            XElement repository = Element(metadata, "repository");
            Assert.Equal("git", (string?)repository.Attribute("type"));
            Assert.Matches("^[0-9a-f]{40}$", (string?)repository.Attribute("commit"));
        }

        string Text(string name) => Element(metadata, name).Value;
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_package_brings_what_its_user_needs_and_nothing_else(string package)
    {
        using ZipArchive content = feed.Open(package);
        XElement[] groups = [.. Metadata(content).Descendants().Where(element => element.Name.LocalName == "group")];
        XElement[] dependencies = [.. groups.Elements()];
        Assert.Equal(Dependencies[package], dependencies.Select(dependency => (string)dependency.Attribute("id")!).Order(StringComparer.Ordinal));
        Assert.All(groups, group => Assert.Equal("net10.0", (string?)group.Attribute("targetFramework")));
        Assert.All(
            dependencies.Where(dependency => ((string)dependency.Attribute("id")!).StartsWith("Hypercall.", StringComparison.Ordinal)),
            dependency => Assert.Equal(feed.Version, (string?)dependency.Attribute("version")));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void A_library_is_an_assembly_its_documentation_and_its_symbols(string package)
    {
        using ZipArchive content = feed.Open(package);
        string[] targets = WithTargets.Contains(package) ? [$"buildTransitive/{package}.targets"] : [];
        string[] expected = ["README.md", "icon.png", $"lib/net10.0/{package}.dll", $"lib/net10.0/{package}.xml", .. targets];
        Assert.Equal(expected.Order(StringComparer.Ordinal), Files(content));
        using ZipArchive symbols = feed.OpenSymbols(package);
        Assert.Equal([$"lib/net10.0/{package}.pdb"], Files(symbols));
    }

    [Fact]
    public void The_tool_carries_no_generator_of_tests()
    {
        using ZipArchive content = feed.Open("Hypercall.Cli");
        const string Folder = "tools/net10.0/any/";
        Assert.Equal(
            ToolFiles.Order(StringComparer.Ordinal),
            Files(content).Where(file => file.StartsWith(Folder, StringComparison.Ordinal) && !file.EndsWith(".pdb", StringComparison.Ordinal)).Select(file => file[Folder.Length..]));
        Assert.Contains(Metadata(content).Descendants(), element => element.Name.LocalName == "packageType" && (string?)element.Attribute("name") == "DotnetTool");
        using ZipArchive symbols = feed.OpenSymbols("Hypercall.Cli");
        Assert.Contains(Folder + "hypercall.pdb", Files(symbols));
    }

    private static XElement Metadata(ZipArchive package) => XDocument.Parse(Read(package, package.Entries.Single(entry => entry.Name.EndsWith(".nuspec", StringComparison.Ordinal)).FullName)).Root!.Elements().Single();

    private static XElement Element(XElement metadata, string name) => metadata.Elements().Single(element => element.Name.LocalName == name);

    // What is there because it is a package: see the Open Packaging Conventions, ECMA-376 part 2.
    private static string[] Files(ZipArchive package) =>
    [
        .. package.Entries.Select(entry => entry.FullName)
            .Where(file => !file.StartsWith("_rels/", StringComparison.Ordinal) && !file.StartsWith("package/", StringComparison.Ordinal)
                && file != "[Content_Types].xml" && !file.EndsWith(".nuspec", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal),
    ];

    private static byte[] Bytes(ZipArchive package, string file)
    {
        using Stream stream = package.GetEntry(file)!.Open();
        using MemoryStream bytes = new();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    private static string Read(ZipArchive package, string file) => Encoding.UTF8.GetString(Bytes(package, file)).TrimStart('\uFEFF');
}
