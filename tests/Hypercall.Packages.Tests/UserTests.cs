using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Hypercall.Packages.Tests;

/// <summary>What a user does with the packages, in a folder that knows nothing of this repository.</summary>
[Collection(SharedFeed.Name)]
public sealed class UserTests(Feed feed)
{
    [Fact]
    public async Task An_empty_project_makes_its_first_call()
    {
        string folder = Project(
            "first", ["Hypercall.BitVisor", "Hypercall.Intel", "Hypercall.Amd", "Hypercall.Testing"],
            ("Program.cs", """
                using Hypercall;
                using Hypercall.Amd;
                using Hypercall.BitVisor;
                using Hypercall.Intel;
                using Hypercall.Native;
                using Hypercall.Testing;

                FakeMachine fake = new FakeMachine().On("add", call => call.Rax = call.Rbx + call.Rcx);
                Console.WriteLine(new BitVisorClient(fake).GetFunction("add").Call(40, 2).Rax);
                try
                {
                    VmmLookup lookup = new BitVisorClient(new NativeMachine([new IntelProvider(), new AmdProvider()])).TryGetFunction("no_such_function");
                    Console.WriteLine($"real: {lookup.IsFound} {lookup.Message}");
                }
                catch (PlatformNotSupportedException e)
                {
                    Console.WriteLine($"real: {e.Message}");
                }
                """));
        ProcessRun build = await Dotnet.BuildAsync("build", folder);
        Assert.True(build.ExitCode == 0, build.Out + build.Error);
        Assert.Equal([], Dotnet.Complaints(build));
        ProcessRun run = await Dotnet.RunAsync(Path.Combine(folder, "bin", "Debug", "net10.0", "first.dll"));
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        string[] lines = run.Out.Split('\n');
        Assert.Equal("42", lines[0].Trim());
        Assert.StartsWith(RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "real: False " : "real: ", lines[1], StringComparison.Ordinal);
        Assert.True(lines[1].Length > 40, lines[1]);
    }

    [Fact]
    public async Task A_library_that_only_makes_calls_needs_the_abstractions_only()
    {
        string folder = Project("library", ["Hypercall.BitVisor"], ("Agent.cs", """
            using Hypercall.BitVisor;

            public sealed class Agent(BitVisorClient vmm)
            {
                public ulong Ask() => vmm.GetFunction("foo").Call().Rax;
            }
            """));
        ProcessRun build = await Dotnet.BuildAsync("build", folder, "-p:OutputType=Library");
        Assert.True(build.ExitCode == 0, build.Out + build.Error);
        Assert.DoesNotContain("Iced", await File.ReadAllTextAsync(Path.Combine(folder, "obj", "project.assets.json")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_static_native_program_must_link_comes_along_with_a_vendor()
    {
        string folder = Project("linked", ["Hypercall.Amd"]); // Hypercall.Native says it, two packages away
        ProcessRun restore = await Dotnet.BuildAsync("restore", folder);
        Assert.True(restore.ExitCode == 0, restore.Out + restore.Error);
        ProcessRun linked = await Dotnet.RunAsync("msbuild", folder, "-nologo", "-p:PublishAot=true", "-p:RuntimeIdentifier=linux-x64", "-getItem:DirectPInvoke");
        Assert.Equal((0, ""), (linked.ExitCode, linked.Error));
        Assert.Contains("\"Identity\": \"libc\"", linked.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_fake_machine_brings_no_FsCheck()
    {
        string folder = Project("fake", ["Hypercall.Testing"]);
        ProcessRun restore = await Dotnet.BuildAsync("restore", folder);
        Assert.True(restore.ExitCode == 0, restore.Out + restore.Error);
        ProcessRun list = await Dotnet.RunAsync("list", folder, "package", "--include-transitive");
        Assert.True(list.ExitCode == 0, list.Out + list.Error);
        Assert.Contains("> Hypercall.Abstractions ", list.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("FSharp", list.Out, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("FsCheck", list.Out, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task The_tool_is_installed_and_demonstrates()
    {
        string folder = feed.NewFolder("tool");
        ProcessRun install = await Dotnet.RunAsync("tool", "install", "Hypercall.Cli", "--tool-path", folder, "--source", feed.Packages, "--version", feed.Version);
        Assert.True(install.ExitCode == 0, install.Out + install.Error);
        string hypercall = Path.Combine(folder, OperatingSystem.IsWindows() ? "hypercall.exe" : "hypercall");
        ProcessRun demo = await ProcessRun.OfAsync(hypercall, LastResort.Bound, "demo");
        Assert.Equal((0, ""), (demo.ExitCode, demo.Error));
        Assert.Contains("StaleFrame", demo.Out, StringComparison.Ordinal);
        ProcessRun version = await ProcessRun.OfAsync(hypercall, LastResort.Bound, "--version");
        Assert.StartsWith(Feed.ProductVersion, version.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GuestAgent")]
    [InlineData("VmmWatch")]
    [InlineData("VmwarePort")]
    [InlineData("NyxAgent")]
    public async Task A_sample_is_a_program_of_its_own_with_the_packages(string sample)
    {
        string folder = feed.NewFolder("samples-" + sample);
        CopySources(Checkout.Full("samples", sample), Path.Combine(folder, sample));
        File.Copy(Checkout.Full("samples", "Directory.Build.targets"), Path.Combine(folder, "Directory.Build.targets"));
        File.Copy(Checkout.Full("Directory.Packages.props"), Path.Combine(folder, "Directory.Packages.props"));
        string own = Path.Combine(folder, "Directory.Build.props"); // what the repository's says to all projects, a user's says, too
        await File.WriteAllTextAsync(own, (await File.ReadAllTextAsync(own)).Replace(
            "<PropertyGroup>", "<PropertyGroup><TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings><Nullable>enable</Nullable>", StringComparison.Ordinal));
        ProcessRun build = await Dotnet.BuildAsync("build", Path.Combine(folder, sample), "-p:HypercallPackages=" + feed.Version);
        Assert.True(build.ExitCode == 0, build.Out + build.Error);
        string assets = await File.ReadAllTextAsync(Path.Combine(folder, sample, "obj", "project.assets.json"));
        Assert.Matches($@"""Hypercall\.Abstractions/{Regex.Escape(feed.Version)}"": {{\s*""type"": ""package""", assets);
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "Built. Vendors' instructions are of x86-64: a sample that makes a real call does not run here.");
        ProcessRun run = await Dotnet.RunAsync(Path.Combine(folder, sample, "bin", "Debug", "net10.0", sample + ".dll"), "--once");
        Assert.True(run.ExitCode is 0 or 1, $"exit code {run.ExitCode}\n{run.Out}{run.Error}"); // what it says of the machine under this test is the machine's
        Assert.True(run.Out.Length + run.Error.Length > 0 || run.ExitCode == 0, "It failed, and did not say why.");
    }

    /// <summary>A project as `dotnet new` makes it, with package references.</summary>
    private string Project(string name, string[] packages, params (string Name, string Text)[] files)
    {
        string folder = feed.NewFolder(name);
        IEnumerable<string> references = packages.Select(
            package => $"""<PackageReference Include="{package}" Version="{feed.Version}" />""");
        File.WriteAllText(Path.Combine(folder, name + ".csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <WarningsNotAsErrors>NU1900;NU1901;NU1902;NU1903;NU1904</WarningsNotAsErrors>
              </PropertyGroup>
              <ItemGroup>{string.Concat(references)}</ItemGroup>
            </Project>
            """);
        foreach ((string file, string text) in files)
        {
            File.WriteAllText(Path.Combine(folder, file), text);
        }

        return folder;
    }

    private static void CopySources(string from, string to)
    {
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string path = Path.GetRelativePath(from, file);
            if (path.Split(Path.DirectorySeparatorChar)[0] is not ("bin" or "obj"))
            {
                string target = Path.Combine(to, path);
                _ = Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(file, target);
            }
        }
    }
}
