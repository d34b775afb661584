using static Hypercall.Architecture.Tests.SourceTree;

namespace Hypercall.Architecture.Tests;

/// <summary>
/// Who may depend on whom:
/// <code>
///   Cli -> Intel, Amd, Linux -> Native -> Abstractions
///   Cli -> BitVisor           -> Abstractions
///   Cli -> Testing            -> Abstractions
///   Testing.Xunit, Testing.XunitV3 -> Testing.FsCheck -> Testing
/// </code>
/// An arrow allows what lies behind it too: who may see Native may see Abstractions.
/// </summary>
public class ArrowTests
{
    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        [Room.Abstractions] = [],
        [Room.Native] = [Room.Abstractions],
        [Room.Intel] = [Room.Native, Room.Abstractions],
        [Room.Amd] = [Room.Native, Room.Abstractions],
        [Room.Linux] = [Room.Native, Room.Abstractions],
        [Room.BitVisor] = [Room.Abstractions],
        [Room.Testing] = [Room.Abstractions],
        [Room.TestingFsCheck] = [Room.Testing, Room.Abstractions],
        [Room.TestingXunit] = [Room.TestingFsCheck, Room.Testing, Room.Abstractions],
        [Room.TestingXunitV3] = [Room.TestingFsCheck, Room.Testing, Room.Abstractions],
        [Room.Cli] = [Room.BitVisor, Room.Intel, Room.Amd, Room.Linux, Room.Native, Room.Testing, Room.Abstractions],
    };

    // The third-party packages that each project is there to use; the abstractions of Microsoft.Extensions are everybody's.
    private static readonly Dictionary<string, string[]> Packages = new()
    {
        [Room.Abstractions] = [],
        [Room.Native] = ["Iced"],
        [Room.Intel] = ["Iced"],
        [Room.Amd] = ["Iced"],
        [Room.Linux] = [],
        [Room.BitVisor] = [],
        [Room.Testing] = [],
        [Room.TestingFsCheck] = ["FsCheck", "FSharp.Core"], // FSharp.Core: lists and the like in signatures of what it derives from
        [Room.TestingXunit] = ["FsCheck", "FsCheck.Xunit", "FSharp.Core", "xunit.abstractions", "xunit.core", "xunit.execution.dotnet"],
        [Room.TestingXunitV3] = ["FsCheck", "FsCheck.Xunit.v3", "FSharp.Core", "xunit.v3.common", "xunit.v3.core"],
        [Room.Cli] = ["Iced", "Microsoft.Extensions.DependencyInjection", "Spectre.Console", "Spectre.Console.Ansi", "System.CommandLine"],
    };

    private static readonly string[] SharedPackages =
    [
        "Microsoft.Extensions.DependencyInjection.Abstractions",
        "Microsoft.Extensions.Logging.Abstractions",
        "Microsoft.Extensions.Options",
    ];

    public static TheoryData<string> ShippedNames => [.. Shipped.Select(project => project.Name)];

    [Fact]
    public void Every_project_that_ships_has_its_arrows_here()
    {
        Assert.Empty(Shipped.Select(project => project.Name).Except(Arrows.Keys));
    }

    [Theory]
    [MemberData(nameof(ShippedNames))]
    public void A_project_file_references_only_projects_that_its_arrows_allow(string name)
    {
        Assert.Empty(Get(name).ProjectReferences.Except(Arrows[name]));
    }

    [Theory]
    [MemberData(nameof(ShippedNames))]
    public void A_compiled_assembly_references_only_projects_that_its_arrows_allow(string name)
    {
        using CompiledAssembly assembly = CompiledAssembly.Open(Get(name));
        Dictionary<string, string> ours = Shipped.ToDictionary(project => project.AssemblyName, project => project.Name);
        IEnumerable<string> referenced = assembly.References.Where(ours.ContainsKey).Select(reference => ours[reference]);
        Assert.Empty(referenced.Except(Arrows[name]));
    }

    [Theory]
    [MemberData(nameof(ShippedNames))]
    public void A_project_file_references_only_packages_that_it_is_there_to_use(string name)
    {
        Assert.Empty(Get(name).PackageReferences.Except(Packages[name]).Except(SharedPackages));
    }

    [Theory]
    [MemberData(nameof(ShippedNames))]
    public void A_compiled_assembly_references_only_the_framework_and_packages_that_it_is_there_to_use(string name)
    {
        using CompiledAssembly assembly = CompiledAssembly.Open(Get(name));
        IEnumerable<string> foreign = assembly.References
            .Except(Shipped.Select(project => project.AssemblyName))
            .Where(reference => !IsFramework(reference));
        Assert.Empty(foreign.Except(Packages[name]).Except(SharedPackages));
    }

    private static bool IsFramework(string reference) =>
        // System.CommandLine is a package that only sounds like the framework.
        reference is "netstandard" or "mscorlib" || (reference.StartsWith("System.", StringComparison.Ordinal) && reference != "System.CommandLine");
}
