using System.Globalization;
using System.Reflection;
using System.Runtime.Loader;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Text;

namespace Hypercall.Docs.Tests;

/// <summary>
/// The C# blocks of a page as one program with top-level statements: they share a scope, in the order of the page.
/// </summary>
/// <remarks>
/// <code>
///   page                          program
///   block 1: usings, statements   usings of all blocks
///   block 2: statements, types    statements of block 1, mark 1, statements of block 2, mark 2, ...
///   text output: compared         types of all blocks
/// </code>
/// A mark is printed, so that what a block prints can be told from what the next one does.
/// </remarks>
internal sealed class PageProgram
{
    private const char Mark = '\u0001';

    private static readonly string[] ImplicitUsings =
        ["System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Threading", "System.Threading.Tasks"];

    // What a reader's build, with nullable on and warnings as errors, would not let through.
    private static readonly string[] Harmless = ["CS8321", "CS1998", "CS1701", "CS1702", "CS0162", "CS0219"];

    private static readonly Lazy<MetadataReference[]> References = new(() =>
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Where(path => path.EndsWith(".dll", StringComparison.OrdinalIgnoreCase))
            .Select(path => MetadataReference.CreateFromFile(path)),
    ]);

    private readonly string _path;
    private readonly List<PageBlock> _code = [];
    private readonly List<(int AfterBlock, PageBlock Block)> _outputs = [];

    private PageProgram(string path) => _path = path;

    /// <summary>Where the page begins it.</summary>
    public int Line => _code[0].Line;

    /// <summary>The programs of a page: one, and another one from each block on that is marked <c>new</c>.</summary>
    public static IReadOnlyList<PageProgram> Of(MarkdownPage page)
    {
        List<PageProgram> programs = [];
        foreach (PageBlock block in page.Blocks)
        {
            if (block is { Language: "csharp", Mark: "project" } && page.Path == Guide.PageOfProjects)
            {
                continue; // Hypercall.Packages.Tests builds and runs it, with the packages
            }

            if (block is { Language: "csharp" })
            {
                if (block.Mark is not ("" or "new" or "compile"))
                {
                    throw new InvalidDataException(
                        $"{page.Path}:{block.Line}: a C# block is marked 'new', 'compile', or not at all; not '{block.Mark}'.");
                }

                if (programs.Count == 0 || block.Mark == "new")
                {
                    programs.Add(new PageProgram(page.Path));
                }

                programs[^1]._code.Add(block);
            }
            else if (block is { Language: "text", Mark: "output" })
            {
                if (programs.Count == 0)
                {
                    throw new InvalidDataException($"{page.Path}:{block.Line}: there is no C# block before this output.");
                }

                programs[^1]._outputs.Add((programs[^1]._code.Count - 1, block));
            }
        }

        return programs;
    }

    /// <summary>Compiles and runs the program, and compares what it prints with what the page says.</summary>
    /// <returns>What is wrong, each with the page's line; nothing if all is well.</returns>
    public IReadOnlyList<string> Check()
    {
        using MemoryStream code = new();
        using MemoryStream symbols = new();
        CSharpCompilation compilation = CSharpCompilation.Create(
            $"Page{Guid.NewGuid():n}",
            [CSharpSyntaxTree.ParseText(SourceText.From(Source(), Encoding.UTF8), new CSharpParseOptions(LanguageVersion.Latest), "page.cs")],
            References.Value,
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable, allowUnsafe: true));
        EmitResult result = compilation.Emit(code, symbols, options: new EmitOptions(debugInformationFormat: DebugInformationFormat.PortablePdb));
        string[] errors =
        [
            .. result.Diagnostics
                .Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning && !Harmless.Contains(diagnostic.Id))
                .Select(diagnostic => $"{Place(diagnostic)}: {diagnostic.Id} {diagnostic.GetMessage(CultureInfo.InvariantCulture)}"),
        ];
        if (errors.Length != 0 || !result.Success)
        {
            return errors;
        }

        code.Position = symbols.Position = 0;
        return Run(new AssemblyLoadContext(_path).LoadFromStream(code, symbols).EntryPoint!);
    }

    private static string Place(Diagnostic diagnostic)
    {
        FileLinePositionSpan place = diagnostic.Location.GetMappedLineSpan();
        return $"{place.Path}:{place.StartLinePosition.Line + 1}";
    }

    private List<string> Run(MethodInfo main)
    {
        List<string> wrong = [];
        TextWriter before = Console.Out;
        using StringWriter printed = new() { NewLine = "\n" };
        Console.SetOut(printed);
        try
        {
            _ = main.Invoke(null, main.GetParameters().Length == 0 ? null : [Array.Empty<string>()]);
        }
        catch (TargetInvocationException e)
        {
            wrong.Add($"{_path}: the code threw. {e.InnerException}");
        }
        finally
        {
            Console.SetOut(before);
        }

        string[] parts = printed.ToString().ReplaceLineEndings("\n").Split(Mark);
        int from = 0;
        foreach ((int after, PageBlock block) in _outputs)
        {
            string actual = string.Concat(parts[Math.Min(from, parts.Length)..Math.Min(after + 1, parts.Length)]);
            from = after + 1;
            if (!PageOutput.Matches(block.Text, actual))
            {
                wrong.Add($"{_path}:{block.Line}: the page says that this is printed:\n{block.Text}and this was:\n{actual}");
            }
        }

        return wrong;
    }

    private string Source()
    {
        StringBuilder usings = new(string.Concat(ImplicitUsings.Select(name => $"using global::{name};\n")));
        StringBuilder statements = new();
        StringBuilder types = new();
        HashSet<string> used = [];
        foreach (PageBlock block in _code)
        {
            CompilationUnitSyntax unit = SyntaxFactory.ParseCompilationUnit(block.Text, options: new CSharpParseOptions(LanguageVersion.Latest));
            foreach (UsingDirectiveSyntax directive in unit.Usings.Where(directive => used.Add(directive.ToString())))
            {
                Append(usings, block, directive);
            }

            if (block.Mark == "compile")
            {
                _ = statements.Append(CultureInfo.InvariantCulture, $"#line hidden\nasync Task NotRun{block.Line}() {{\n");
            }

            foreach (MemberDeclarationSyntax member in unit.Members)
            {
                Append(member is GlobalStatementSyntax ? statements : types, block, member);
            }

            if (block.Mark == "compile")
            {
                _ = statements.Append("#line hidden\n}\n");
            }

            // What the parser could not place belongs to nothing, and must not vanish: its errors are the page's.
            foreach (Diagnostic lost in unit.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error))
            {
                int line = block.Line + lost.Location.GetLineSpan().StartLinePosition.Line;
                _ = usings.Append(CultureInfo.InvariantCulture, $"#line {line} \"{_path}\"\n#error {lost.GetMessage(CultureInfo.InvariantCulture)}\n");
            }

            _ = statements.Append(CultureInfo.InvariantCulture, $"#line hidden\nglobal::System.Console.Out.Write('\\u0001');\n");
        }

        return $"{usings}{statements}{types}";
    }

    private void Append(StringBuilder target, PageBlock block, SyntaxNode node)
    {
        int line = block.Line + block.Text.AsSpan(0, node.FullSpan.Start).Count('\n');
        _ = target.Append(CultureInfo.InvariantCulture, $"#line {line} \"{_path}\"\n{node.ToFullString()}\n");
    }
}
