using System.Text.RegularExpressions;

namespace Hypercall.Packages.Tests;

/// <summary>The projects of docs/test-frameworks.md, as a reader pastes them; and what is wrong in each is seen there.</summary>
[Collection(SharedFeed.Name)]
public sealed partial class FrameworkTests(Feed feed)
{
    // Without this, the property claims what no program can.
    private const string Excuse = " || vmm.FaultOccurrences.Count > 0";

    private static readonly Dictionary<string, (string Project, string Code)> Page =
        Section().Matches(File.ReadAllText(Checkout.Full("docs", "test-frameworks.md")).ReplaceLineEndings("\n"))
            .ToDictionary(
                match => match.Groups["name"].Value,
                match => (match.Groups["project"].Value, match.Groups["code"].Value));

    public static TheoryData<string> Frameworks => [.. Page.Keys];

    [Fact]
    public void The_page_has_these_frameworks() => Assert.Equal(["xunit v3", "xunit v2", "NUnit", "MSTest", "TUnit"], Page.Keys);

    [Theory]
    [MemberData(nameof(Frameworks))]
    public async Task A_property_holds_or_fails_with_the_case_to_try_again(string framework)
    {
        (string project, string code) = Page[framework];
        string broken = code.Replace(Excuse, "", StringComparison.Ordinal)
            .Replace("AgentTests", "BrokenAgentTests", StringComparison.Ordinal);
        string folder = await Build(framework, project, code, broken);
        int tests = Test().Count(code);
        int failing = Regex.Count(code, Regex.Escape(Excuse));
        ProcessRun run = await Run(folder, project);
        Assert.NotEqual(0, run.ExitCode);
        Assert.Matches($@"(?i)\btotal: +{2 * tests}\b", run.Out);
        Assert.Matches($@"(?i)\bfailed: +{failing}\b", run.Out);
        Assert.Contains("new FakeCase(", run.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("Multiple failures", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task In_NUnit_the_failures_of_tries_that_are_not_isolated_pile_up()
    {
        (string project, string code) = Page["NUnit"];
        string plain = code.Replace(Excuse, "", StringComparison.Ordinal).Replace("(Isolated(", "((", StringComparison.Ordinal);
        string folder = await Build("NUnit-piled", project, plain);
        ProcessRun run = await Run(folder, project);
        Assert.Contains("Multiple failures", run.Out, StringComparison.Ordinal); // when this is gone, so can be Isolated
    }

    [Theory]
    [InlineData("xunit v3", "Hypercall.Testing.XunitV3", "Hypercall.Testing.Xunit")]
    [InlineData("xunit v2", "Hypercall.Testing.Xunit", "Hypercall.Testing.XunitV3")]
    public async Task The_attribute_of_the_other_xunit_fails_the_build_and_names_this_one(
        string framework, string right, string wrong)
    {
        (string project, string code) = Page[framework];
        string folder = Write($"wrong-{wrong}", project.Replace($"\"{right}\"", $"\"{wrong}\"", StringComparison.Ordinal), code);
        ProcessRun build = await Dotnet.BuildAsync("build", folder);
        Assert.Equal(1, build.ExitCode);
        Assert.Contains($"{wrong} is for xunit", build.Out, StringComparison.Ordinal);
        Assert.Contains($"Reference the package {right} in its place", build.Out, StringComparison.Ordinal);
    }

    private async Task<string> Build(string framework, string project, params string[] files)
    {
        string folder = Write(framework.Replace(' ', '-'), project, files);
        ProcessRun build = await Dotnet.BuildAsync("build", folder);
        Assert.True(build.ExitCode == 0, build.Out + build.Error);
        Assert.Equal([], Dotnet.Complaints(build));
        return folder;
    }

    private static Task<ProcessRun> Run(string folder, string project) =>
        project.Contains("<OutputType>Exe<", StringComparison.Ordinal)
            ? Dotnet.RunAsync(Path.Combine(folder, "bin", "Debug", "net10.0", "user.dll"))
            : Dotnet.RunAsync("test", folder, "--no-build", "-nologo");

    private string Write(string name, string project, params string[] files)
    {
        string folder = feed.NewFolder(name);
        string end = $".{feed.Version}.nupkg";
        IEnumerable<string> ours = Directory.GetFiles(feed.Packages, "*" + end).Select(file => Path.GetFileName(file)[..^end.Length])
            .Select(package => $"""<PackageVersion Include="{package}" Version="{feed.Version}" />""");
        File.WriteAllText(Path.Combine(folder, "Directory.Packages.props"), $"""
            <Project>
              <Import Project="{Checkout.Full("Directory.Packages.props")}" />
              <ItemGroup>{string.Concat(ours)}</ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(folder, "user.csproj"), project);
        for (int i = 0; i < files.Length; i++)
        {
            File.WriteAllText(Path.Combine(folder, $"Tests{i}.cs"), files[i]);
        }

        return folder;
    }

    [GeneratedRegex(
        @"^## (?<name>[^\n]+)\n.*?^```xml\n(?<project>.*?)^```$.*?^```csharp project\n(?<code>.*?)^```$",
        RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Section();

    [GeneratedRegex(@"^    \[(Test|TestMethod|VmmProperty)\b", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Test();
}
