using static Hypercall.Architecture.Tests.SourceTree;

namespace Hypercall.Architecture.Tests;

/// <summary>FsCheck cannot run as NativeAOT: it lives in one folder of Testing, and in Testing.Xunit.</summary>
public class FsCheckTests
{
    private const string FsCheck = "FsCheck";

    [Fact]
    public void Only_one_folder_of_Testing_names_FsCheck_in_source()
    {
        string[] folders =
        [
            .. from project in Shipped
               where project.Name != Room.TestingXunit
               from source in project.Sources
               where source.Text.Contains(FsCheck, StringComparison.Ordinal)
               select Path.GetDirectoryName(source.Path)!.Replace('\\', '/'),
        ];

        Assert.All(folders, folder => Assert.StartsWith($"src/{Room.Testing}/", folder, StringComparison.Ordinal));
        Assert.True(folders.Distinct().Count() <= 1, $"FsCheck is named in {string.Join(", ", folders.Distinct())}; one folder may.");
    }

    [Fact]
    public void Only_Testing_references_FsCheck_as_compiled()
    {
        foreach (Project project in Shipped.Where(project => project.Name is not (Room.Testing or Room.TestingXunit)))
        {
            using CompiledAssembly assembly = CompiledAssembly.Open(project);
            Assert.DoesNotContain(assembly.References, reference => reference.StartsWith(FsCheck, StringComparison.Ordinal));
        }
    }
}
