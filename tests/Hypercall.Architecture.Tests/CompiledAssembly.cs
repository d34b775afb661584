using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Hypercall.Architecture.Tests;

/// <summary>What a project of src compiled to, read from its metadata: nothing of it runs.</summary>
internal sealed class CompiledAssembly : IDisposable
{
    private readonly PEReader _file;
    private readonly MetadataReader _metadata;

    private CompiledAssembly(string path)
    {
        _file = new PEReader(File.OpenRead(path));
        _metadata = _file.GetMetadataReader();
    }

    public IReadOnlySet<string> References => _metadata.AssemblyReferences
        .Select(handle => _metadata.GetString(_metadata.GetAssemblyReference(handle).Name))
        .ToHashSet(StringComparer.Ordinal);

    /// <summary>Methods that are P/Invokes, as written or as LibraryImport generates them.</summary>
    public IEnumerable<string> PInvokes =>
        from handle in _metadata.MethodDefinitions
        let method = _metadata.GetMethodDefinition(handle)
        where (method.Attributes & MethodAttributes.PinvokeImpl) != 0
        select FullName(method.GetDeclaringType()) + "." + _metadata.GetString(method.Name);

    /// <summary>Types of other assemblies that the code names.</summary>
    public IEnumerable<string> TypeReferences =>
        from handle in _metadata.TypeReferences
        let type = _metadata.GetTypeReference(handle)
        select _metadata.GetString(type.Namespace) + "." + _metadata.GetString(type.Name);

    /// <summary>Whether it was compiled with AllowUnsafeBlocks: the compiler marks the module.</summary>
    public bool AllowsUnsafeCode => AttributesOf(_metadata.GetCustomAttributes(EntityHandle.ModuleDefinition))
        .Contains("System.Security.UnverifiableCodeAttribute");

    /// <summary>The namespaces of the types that a user sees, compiler-made ones left out.</summary>
    public IEnumerable<(string Namespace, string Name)> PublicTypes =>
        from handle in _metadata.TypeDefinitions
        let type = _metadata.GetTypeDefinition(handle)
        where (type.Attributes & TypeAttributes.VisibilityMask) == TypeAttributes.Public
        select (_metadata.GetString(type.Namespace), _metadata.GetString(type.Name));

    /// <summary>Every attribute in the assembly, by full name.</summary>
    public IEnumerable<string> Attributes => AttributesOf(_metadata.CustomAttributes);

    public static CompiledAssembly Open(SourceTree.Project project) =>
        new(Path.Combine(project.OutputFolder, project.AssemblyName + ".dll"));

    /// <summary>The value of an attribute of the assembly that has one string, such as its description.</summary>
    public string? AssemblyAttribute(string fullName) => AssemblyAttributes(fullName).FirstOrDefault()?[0];

    /// <summary>The value that <see cref="AssemblyMetadataAttribute"/> gives a key.</summary>
    public string? AssemblyMetadata(string key) =>
        AssemblyAttributes(typeof(AssemblyMetadataAttribute).FullName!).FirstOrDefault(arguments => arguments[0] == key)?[1];

    public void Dispose() => _file.Dispose();

    private IEnumerable<string?[]> AssemblyAttributes(string fullName) =>
        from handle in _metadata.GetAssemblyDefinition().GetCustomAttributes()
        let attribute = _metadata.GetCustomAttribute(handle)
        where AttributeName(attribute) == fullName
        select Strings(attribute);

    // All the attributes asked for take strings only (ECMA-335, II.23.3: a prolog of two bytes, then the fixed arguments).
    private string?[] Strings(CustomAttribute attribute)
    {
        BlobReader blob = _metadata.GetBlobReader(attribute.Value);
        _ = blob.ReadUInt16();
        int count = attribute.Constructor.Kind == HandleKind.MemberReference
            ? ParameterCount(_metadata.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Signature)
            : ParameterCount(_metadata.GetMethodDefinition((MethodDefinitionHandle)attribute.Constructor).Signature);
        string?[] values = new string?[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = blob.ReadSerializedString();
        }

        return values;
    }

    private int ParameterCount(BlobHandle signature)
    {
        BlobReader blob = _metadata.GetBlobReader(signature);
        _ = blob.ReadSignatureHeader();
        return blob.ReadCompressedInteger();
    }

    private IEnumerable<string> AttributesOf(CustomAttributeHandleCollection handles) =>
        handles.Select(handle => AttributeName(_metadata.GetCustomAttribute(handle)));

    private string AttributeName(CustomAttribute attribute)
    {
        EntityHandle type = attribute.Constructor.Kind == HandleKind.MemberReference
            ? _metadata.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Parent
            : _metadata.GetMethodDefinition((MethodDefinitionHandle)attribute.Constructor).GetDeclaringType();
        return type.Kind switch
        {
            HandleKind.TypeReference => FullName((TypeReferenceHandle)type),
            HandleKind.TypeDefinition => FullName((TypeDefinitionHandle)type),
            _ => "", // a generic attribute: none is asked for
        };
    }

    private string FullName(TypeReferenceHandle handle)
    {
        TypeReference type = _metadata.GetTypeReference(handle);
        return _metadata.GetString(type.Namespace) + "." + _metadata.GetString(type.Name);
    }

    private string FullName(TypeDefinitionHandle handle)
    {
        TypeDefinition type = _metadata.GetTypeDefinition(handle);
        return _metadata.GetString(type.Namespace) + "." + _metadata.GetString(type.Name);
    }
}
