using static Hypercall.Architecture.Tests.SourceTree;

namespace Hypercall.Architecture.Tests;

/// <summary>What ./test builds and runs.</summary>
public class SolutionTests
{
    [Fact]
    public void Every_project_of_src_tests_and_samples_is_in_the_solution()
    {
        string solution = File.ReadAllText(Path.Combine(Root, "Hypercall.sln")).Replace('\\', '/');
        string[] projects = [.. Shipped.Concat(SourceTree.Tests).Concat(Samples).Select(project => project.Path)];
        Assert.DoesNotContain(projects, path => !solution.Contains($"\"{path}\"", StringComparison.Ordinal));
    }
}
