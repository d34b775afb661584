using System.Collections.Concurrent;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Hypercall.Architecture.Tests;

/// <summary>Which top-level folders of a project name types and members of which others, read from the source.</summary>
/// <remarks>
/// <code>
///   Functions/Transfer.cs      GuestSlice slice = ...     Functions -> Memory
///   Memory/GuestBuffer.cs      DisposeWaits.Add(...)      Memory -> Memory: its own, not counted
/// </code>
/// A file beside the project file is in no folder and is not counted. Documentation comments are not code.
/// </remarks>
internal sealed class FolderMap
{
    // What the SDK's ImplicitUsings adds to a library.
    private const string ImplicitUsings =
        "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; " +
        "global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";

    private static readonly ConcurrentDictionary<string, MetadataReference[]> References = [];

    private readonly Dictionary<(string From, string To), SortedSet<string>> _uses = [];

    private FolderMap()
    {
    }

    /// <summary>Names that the compiler did not find: source generators do not run here.</summary>
    public int Unresolved { get; private set; }

    /// <summary>Names that the compiler found in the project itself.</summary>
    public int Resolved { get; private set; }

    /// <summary>The pairs of folders that know each other, each in the order of the names.</summary>
    public IEnumerable<(string First, string Second)> Pairs =>
        from use in _uses.Keys
        where string.CompareOrdinal(use.From, use.To) < 0 && _uses.ContainsKey((use.To, use.From))
        orderby use.From, use.To
        select use;

    public static FolderMap Of(SourceTree.Project project) => Of(
        project.AssemblyName,
        project.Sources.Select(source => (Path.GetRelativePath(Path.GetDirectoryName(project.Path)!, source.Path), source.Text)),
        project.OutputFolder);

    /// <summary>The map of sources whose paths start at the project's folder.</summary>
    public static FolderMap Of(string assembly, IEnumerable<(string Path, string Text)> sources) =>
        Of(assembly, sources, AppContext.BaseDirectory);

    private static FolderMap Of(string assembly, IEnumerable<(string Path, string Text)> sources, string uses)
    {
        CSharpParseOptions options = new(LanguageVersion.Preview);
        CSharpCompilation compilation = CSharpCompilation.Create(
            assembly, // the name that InternalsVisibleTo of the other projects knows
            sources.Select(source => CSharpSyntaxTree.ParseText(source.Text, options, source.Path.Replace('\\', '/')))
                .Prepend(CSharpSyntaxTree.ParseText(ImplicitUsings, options)),
            References.GetOrAdd(uses, ReferencesIn)
                .Where(reference => Path.GetFileNameWithoutExtension(reference.Display) != assembly),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));

        FolderMap map = new();
        foreach (SyntaxTree tree in compilation.SyntaxTrees)
        {
            map.Read(tree, compilation.GetSemanticModel(tree));
        }

        return map;
    }

    /// <summary>The framework, and the assemblies in a folder.</summary>
    private static MetadataReference[] ReferencesIn(string folder) =>
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Where(path => !path.StartsWith(AppContext.BaseDirectory, StringComparison.Ordinal))
            .Concat(Directory.EnumerateFiles(folder))
            .Where(path => path.EndsWith(".dll", StringComparison.OrdinalIgnoreCase))
            .Select(path => MetadataReference.CreateFromFile(path)),
    ];

    /// <summary>The pair, and every use that makes it one.</summary>
    public string Describe((string First, string Second) pair) => string.Join(
        Environment.NewLine,
        _uses[pair].Concat(_uses[(pair.Second, pair.First)]).Select(use => "  " + use)
            .Prepend($"{pair.First} and {pair.Second} know each other:"));

    private static string FolderOf(string path) => path[..Math.Max(0, path.IndexOf('/', StringComparison.Ordinal))];

    private void Read(SyntaxTree tree, SemanticModel model)
    {
        foreach (SyntaxNode node in tree.GetRoot().DescendantNodes())
        {
            if (node is not (SimpleNameSyntax or ImplicitObjectCreationExpressionSyntax)
                || node is IdentifierNameSyntax { Identifier.Text: "nameof" or "unmanaged" }) // words of the language, not names
            {
                continue;
            }

            SymbolInfo info = model.GetSymbolInfo(node);
            if ((info.Symbol ?? info.CandidateSymbols.FirstOrDefault()) is not { } symbol)
            {
                Unresolved++;
                continue;
            }

            INamedTypeSymbol? type = symbol as INamedTypeSymbol ?? symbol.ContainingType;
            if (type is null)
            {
                continue; // a namespace, a local or a type parameter
            }

            // A part of a partial type may be elsewhere: only a type that this folder has no part of is another's.
            IEnumerable<SyntaxReference> parts = type.OriginalDefinition.DeclaringSyntaxReferences;
            string[] homes = [.. parts.Select(part => FolderOf(part.SyntaxTree.FilePath)).Distinct()];
            if (homes.Length != 0)
            {
                Resolved++;
                Note(FolderOf(tree.FilePath), homes, node, type);
            }
        }
    }

    private void Note(string from, string[] homes, SyntaxNode node, INamedTypeSymbol type)
    {
        if (from.Length == 0 || homes.Contains(from))
        {
            return;
        }

        int line = node.GetLocation().GetLineSpan().StartLinePosition.Line + 1;
        foreach (string to in homes.Where(home => home.Length != 0))
        {
            if (!_uses.TryGetValue((from, to), out SortedSet<string>? uses))
            {
                _uses[(from, to)] = uses = new(StringComparer.Ordinal);
            }

            _ = uses.Add($"{node.SyntaxTree.FilePath} names {type.Name}, line {line}");
        }
    }
}
