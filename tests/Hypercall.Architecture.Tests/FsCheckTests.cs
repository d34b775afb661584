using static Hypercall.Architecture.Tests.SourceTree;

namespace Hypercall.Architecture.Tests;

/// <summary>FsCheck cannot run as NativeAOT, and brings FSharp.Core: only who asks for it has it.</summary>
public class FsCheckTests
{
    private const string FsCheck = "FsCheck";
    private const string FSharp = "FSharp";

    private static IEnumerable<Project> Others =>
        Shipped.Where(project => project.Name is not (Room.TestingFsCheck or Room.TestingXunit or Room.TestingXunitV3));

    [Fact]
    public void Only_Testing_FsCheck_and_what_stands_on_it_name_FsCheck_in_source()
    {
        Assert.Empty(
            from project in Others
            from source in project.Sources
            where source.Text.Contains(FsCheck, StringComparison.Ordinal)
            select source.Path);
    }

    [Fact]
    public void Only_Testing_FsCheck_and_what_stands_on_it_reference_FsCheck_as_compiled()
    {
        foreach (Project project in Others)
        {
            using CompiledAssembly assembly = CompiledAssembly.Open(project);
            Assert.DoesNotContain(assembly.References, reference => reference.StartsWith(FsCheck, StringComparison.Ordinal));
        }
    }

    // To leave out what a package brings is to mend the package elsewhere.
    [Fact]
    public void No_project_leaves_out_what_another_one_brings()
    {
        string[] files =
        [
            .. Shipped.Concat(SourceTree.Tests).Concat(Samples).Select(project => project.Path),
            "Directory.Packages.props", "Directory.Build.props", "Directory.Build.targets",
            "src/Directory.Build.props", "src/Directory.Build.targets", "tests/Directory.Build.props",
        ];
        Assert.DoesNotContain(files, file => Text(file).Contains("ExcludeAssets", StringComparison.Ordinal));
        Assert.DoesNotContain(files, file => Text(file).Contains(FSharp, StringComparison.Ordinal));

        static string Text(string file) => File.ReadAllText(Path.Combine(Root, file));
    }
}
