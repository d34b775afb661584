using static Hypercall.Architecture.Tests.SourceTree;

namespace Hypercall.Architecture.Tests;

/// <summary>Abstractions and Testing are safe code that runs on any OS and CPU.</summary>
public class SafeCodeTests
{
    public static TheoryData<string> SafeProjects => [Room.Abstractions, Room.Testing];

    [Theory]
    [MemberData(nameof(SafeProjects))]
    public void Safe_code_has_no_platform_invoke(string name)
    {
        using CompiledAssembly assembly = CompiledAssembly.Open(Get(name));
        Assert.Empty(assembly.PInvokes);
    }

    [Theory]
    [MemberData(nameof(SafeProjects))]
    public void Safe_code_loads_no_native_library(string name)
    {
        using CompiledAssembly assembly = CompiledAssembly.Open(Get(name));
        Assert.DoesNotContain("System.Runtime.InteropServices.NativeLibrary", assembly.TypeReferences);
    }

    [Theory]
    [MemberData(nameof(SafeProjects))]
    public void Safe_code_is_compiled_without_unsafe_blocks(string name)
    {
        using CompiledAssembly assembly = CompiledAssembly.Open(Get(name));
        Assert.False(assembly.AllowsUnsafeCode);
    }
}
