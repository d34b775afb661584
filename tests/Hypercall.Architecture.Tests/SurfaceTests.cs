using System.Text.RegularExpressions;
using static Hypercall.Architecture.Tests.SourceTree;

namespace Hypercall.Architecture.Tests;

/// <summary>How the public surface is laid out and kept.</summary>
public partial class SurfaceTests
{
    public static TheoryData<string> ShippedNames => [.. Shipped.Select(project => project.Name)];

    public static TheoryData<string> LibraryNames => [.. Shipped.Where(project => project.Name != Room.Cli).Select(project => project.Name)];

    [Theory]
    [MemberData(nameof(ShippedNames))]
    public void Public_types_live_in_namespaces_of_Hypercall_or_where_DI_extensions_are_looked_for(string name)
    {
        using CompiledAssembly assembly = CompiledAssembly.Open(Get(name));
        IEnumerable<(string Namespace, string Name)> strays = assembly.PublicTypes.Where(type =>
            type.Namespace != "Hypercall"
            && !type.Namespace.StartsWith("Hypercall.", StringComparison.Ordinal)
            && !(type.Namespace == "Microsoft.Extensions.DependencyInjection" && type.Name.EndsWith("Extensions", StringComparison.Ordinal)));
        Assert.Empty(strays);
    }

    [Theory]
    [MemberData(nameof(LibraryNames))]
    public void A_file_holds_one_public_type_and_bears_its_name(string name)
    {
        foreach ((string path, string text) in Get(name).Sources)
        {
            string[] types = [.. TopLevelPublicType().Matches(text).Select(match => match.Groups["name"].Value).Distinct()];
            Assert.True(types.Length <= 1, $"{path} holds {string.Join(", ", types)}.");

            // A part of a partial type may say which: Name.Part.cs.
            string[] file = Path.GetFileName(path).Split('.');
            Assert.All(types, type => Assert.True(file[0] == type, $"{path} holds {type}."));
        }
    }

    [Theory]
    [MemberData(nameof(LibraryNames))]
    public void A_library_tracks_its_public_surface(string name)
    {
        Assert.True(File.Exists(Path.Combine(Get(name).Folder, "PublicAPI.Shipped.txt")));
        Assert.True(File.Exists(Path.Combine(Get(name).Folder, "PublicAPI.Unshipped.txt")));
    }

    // A type at the start of a line: namespaces are file-scoped here, so a nested type is indented.
    [GeneratedRegex(
        @"^public\s+(?:(?:static|sealed|abstract|partial|readonly|ref|unsafe)\s+)*(?:class|interface|enum|struct|record\s+struct|record\s+class|record|delegate\s+[\w<>?\[\],. ]+?)\s+(?<name>\w+)",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex TopLevelPublicType();
}
