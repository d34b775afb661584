using static Hypercall.Architecture.Tests.SourceTree;

namespace Hypercall.Architecture.Tests;

/// <summary>A sample is a program of a user: it names packages, and nothing of this repository but itself.</summary>
public class SampleTests
{
    // Their fake machine is one that their user chooses.
    private static readonly string[] RunOnTheFake = ["VmmWatch", "VmwarePort", "NyxAgent"];

    public static TheoryData<string> SampleNames => [.. Samples.Select(project => project.Name)];

    [Theory]
    [MemberData(nameof(SampleNames))]
    public void A_sample_references_packages_that_ship_and_no_project_of_src(string name)
    {
        Project sample = Samples.Single(project => project.Name == name);
        Assert.NotEmpty(sample.HypercallReferences);
        Assert.Empty(sample.HypercallReferences.Except(Shipped.Select(project => project.Name)));
        Assert.Empty(sample.ProjectReferences.Except(Samples.Select(project => project.Name)));
    }

    [Theory]
    [MemberData(nameof(SampleNames))]
    public void A_program_knows_nothing_of_its_tests(string name)
    {
        Project sample = Samples.Single(project => project.Name == name);
        string[] testing = [.. sample.HypercallReferences.Where(reference => reference.StartsWith(Room.Testing, StringComparison.Ordinal))];
        bool isTest = name.EndsWith(".Tests", StringComparison.Ordinal);
        Assert.Equal(isTest || RunOnTheFake.Contains(name), testing.Length != 0);
        Assert.True(isTest || testing.All(reference => reference == Room.Testing));
    }
}
