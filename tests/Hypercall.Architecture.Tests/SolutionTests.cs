using static Hypercall.Architecture.Tests.SourceTree;

namespace Hypercall.Architecture.Tests;

/// <summary>What ./test builds and runs.</summary>
public class SolutionTests
{
    [Fact]
    public void Every_project_of_src_tests_samples_and_eng_is_in_the_solution()
    {
        string solution = File.ReadAllText(Path.Combine(Root, "Hypercall.sln")).Replace('\\', '/');
        string[] projects =
            [.. Shipped.Concat(SourceTree.Tests).Concat(Samples).Concat(Engineering).Select(project => project.Path)];
        Assert.DoesNotContain(projects, path => !solution.Contains($"\"{path}\"", StringComparison.Ordinal));
    }

    // The scenarios run ahead-of-time compiled in a guest, and what a user would write is what they are to try.
    [Fact]
    public void The_conformance_scenarios_know_no_test_framework_and_only_what_a_user_references()
    {
        SourceTree.Project conformance = SourceTree.Tests.Single(project => project.Name == "Hypercall.Conformance");
        Assert.Equal([Room.Amd, Room.BitVisor, Room.Intel, Room.Linux, Room.Testing], conformance.ProjectReferences.Order(StringComparer.Ordinal));
        Assert.Empty(conformance.PackageReferences);
        Assert.Equal("true", conformance.Property("IsAotCompatible"));
    }

    [Fact]
    public void The_tests_of_guests_reach_the_library_only_through_the_scenarios()
    {
        SourceTree.Project guests = SourceTree.Tests.Single(project => project.Name == "Hypercall.Guest.Tests");
        Assert.Equal(["Hypercall.Conformance"], guests.ProjectReferences);
    }
}
