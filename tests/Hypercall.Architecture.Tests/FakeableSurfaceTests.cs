using System.Reflection;
using System.Runtime.Loader;
using static Hypercall.Architecture.Tests.SourceTree;

namespace Hypercall.Architecture.Tests;

/// <summary>What a user would fake can be faked: NSubstitute fails on a ref struct in a signature.</summary>
public class FakeableSurfaceTests
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static TheoryData<string> LibraryNames => [.. Shipped.Where(project => project.Name != Room.Cli).Select(project => project.Name)];

    [Theory]
    [MemberData(nameof(LibraryNames))]
    public void No_member_that_can_be_faked_has_a_ref_struct_in_its_signature(string name)
    {
        IEnumerable<string> unfakeable =
            from type in Load(Get(name)).GetExportedTypes()
            where type.IsInterface || (type.IsClass && !type.IsSealed) // delegates are sealed
            from method in type.GetMethods(Declared)
            where method.IsVirtual && !method.IsFinal && (method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly)
            let types = method.GetParameters().Select(parameter => parameter.ParameterType).Append(method.ReturnType)
            where types.Any(IsRefStruct)
            select $"{type.FullName}.{method.Name}";

        Assert.Empty(unfakeable);
    }

    private static Assembly Load(Project project)
    {
        AssemblyLoadContext context = new(project.Name);
        context.Resolving += (_, wanted) => context.LoadFromAssemblyPath(PathOf(wanted.Name!));
        return context.LoadFromAssemblyPath(PathOf(project.AssemblyName));

        string PathOf(string assembly) => Path.Combine(project.OutputFolder, assembly + ".dll");
    }

    private static bool IsRefStruct(Type type) => (type.IsByRef ? type.GetElementType()! : type).IsByRefLike;
}
