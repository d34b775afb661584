using System.Xml.Linq;

namespace Hypercall.Architecture.Tests;

/// <summary>The projects of the checkout.</summary>
internal static class SourceTree
{
    public static string Root => Checkout.Root;

    /// <summary>The projects that ship, in the order of their names.</summary>
    public static IReadOnlyList<Project> Shipped { get; } = Projects("src");

    /// <summary>The test projects and the programs that they run.</summary>
    public static IReadOnlyList<Project> Tests { get; } = Projects("tests");

    /// <summary>The programs that build and test use.</summary>
    public static IReadOnlyList<Project> Engineering { get; } = Projects("eng");

    /// <summary>The programs written as a user would write them, and their tests.</summary>
    public static IReadOnlyList<Project> Samples { get; } = Projects("samples");

    public static Project Get(string name) => Shipped.Single(project => project.Name == name);

    private static Project[] Projects(string folder) =>
    [
        .. Directory.EnumerateDirectories(Path.Combine(Root, folder))
            .SelectMany(project => Directory.EnumerateFiles(project, "*.csproj"))
            .Order(StringComparer.Ordinal)
            .Select(path => new Project(path)),
    ];

    /// <summary>A project as its file says, not as it compiled: see <see cref="CompiledAssembly"/> for that.</summary>
    internal sealed class Project(string path)
    {
        private readonly XElement _xml = XElement.Load(path);

        public string Name { get; } = System.IO.Path.GetFileNameWithoutExtension(path);

        public string Folder { get; } = System.IO.Path.GetDirectoryName(path)!;

        /// <summary>With forward slashes, from the root of the checkout.</summary>
        public string Path { get; } = System.IO.Path.GetRelativePath(Root, path).Replace('\\', '/');

        /// <summary>Where it was compiled to, with all that it uses. One program cannot have xunit v2 and v3.</summary>
        public string OutputFolder => Name == Room.TestingXunit
            ? AppContext.BaseDirectory.Replace("Hypercall.Architecture.Tests", $"{Name}.Tests", StringComparison.Ordinal)
            : AppContext.BaseDirectory;

        public string AssemblyName => Property("AssemblyName") ?? Name;

        public IEnumerable<string> ProjectReferences =>
            Items("ProjectReference").Select(include => System.IO.Path.GetFileNameWithoutExtension(include.Replace('\\', '/')));

        /// <summary>What a sample uses of this repository, as a package: see samples/Directory.Build.targets.</summary>
        public IEnumerable<string> HypercallReferences => Items("HypercallReference");

        public IEnumerable<string> PackageReferences => Items("PackageReference");

        /// <summary>The C# files that a person wrote, each with its path from the root of the checkout.</summary>
        public IEnumerable<(string Path, string Text)> Sources =>
            Directory.EnumerateFiles(Folder, "*.cs", SearchOption.AllDirectories)
                .Select(file => (Path: System.IO.Path.GetRelativePath(Root, file).Replace('\\', '/'), File: file))
                .Where(file => !file.Path.Contains("/obj/", StringComparison.Ordinal) && !file.Path.Contains("/bin/", StringComparison.Ordinal))
                .OrderBy(file => file.Path, StringComparer.Ordinal)
                .Select(file => (file.Path, File.ReadAllText(file.File)));

        /// <summary>What the project's own file sets a property to; null when it does not.</summary>
        public string? Property(string name) => _xml.Descendants(name).LastOrDefault()?.Value;

        public override string ToString() => Name;

        private IEnumerable<string> Items(string kind) =>
            _xml.Descendants(kind).Select(item => item.Attribute("Include")?.Value).OfType<string>();
    }
}
