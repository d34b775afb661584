using System.Reflection;
using static Hypercall.Architecture.Tests.SourceTree;

namespace Hypercall.Architecture.Tests;

/// <summary>What every project that ships must say of itself.</summary>
public class ShippingTests
{
    public static TheoryData<string> ShippedNames => [.. Shipped.Select(project => project.Name)];

    [Theory]
    [MemberData(nameof(ShippedNames))]
    public void A_project_that_ships_is_packable(string name)
    {
        Assert.True(Get(name).Property("IsPackable") is null or "true"); // src/Directory.Build.props says true
    }

    [Theory]
    [MemberData(nameof(ShippedNames))]
    public void A_project_that_ships_describes_itself(string name)
    {
        using CompiledAssembly assembly = CompiledAssembly.Open(Get(name));
        Assert.Equal(Get(name).Property("Description"), assembly.AssemblyAttribute(typeof(AssemblyDescriptionAttribute).FullName!));
        Assert.False(string.IsNullOrWhiteSpace(Get(name).Property("Description")));
    }

    [Theory]
    [MemberData(nameof(ShippedNames))]
    public void A_project_that_ships_is_trim_and_AOT_compatible(string name)
    {
        using CompiledAssembly assembly = CompiledAssembly.Open(Get(name));
        Assert.Equal("True", assembly.AssemblyMetadata("IsTrimmable"));
        Assert.Equal("True", assembly.AssemblyMetadata("IsAotCompatible"));
    }

    [Theory]
    [MemberData(nameof(ShippedNames))]
    public void No_warning_is_suppressed_to_get_there(string name)
    {
        Project project = Get(name);
        Assert.Null(project.Property("NoWarn"));
        Assert.DoesNotContain(project.Sources, source => source.Text.Contains("#pragma warning disable IL", StringComparison.Ordinal));
        using CompiledAssembly assembly = CompiledAssembly.Open(project);
        Assert.DoesNotContain("System.Diagnostics.CodeAnalysis.UnconditionalSuppressMessageAttribute", assembly.Attributes);
    }

    [Theory]
    [MemberData(nameof(ShippedNames))]
    public void A_project_that_ships_has_a_test_project_named_after_it(string name)
    {
        Assert.Contains(SourceTree.Tests, project => project.Name == $"{name}.Tests");
    }
}
