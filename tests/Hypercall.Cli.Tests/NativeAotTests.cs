using System.Runtime.InteropServices;
using System.Text.Json;

namespace Hypercall.Cli.Tests;

public class NativeAotTests
{
    [Fact]
    public async Task Published_as_NativeAOT_without_a_warning_it_detects_and_demonstrates()
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64,
            "The test publishes for linux-x64.");
        Assert.SkipUnless(
            await ProcessRun.CanAsync("clang", "--version"),
            "NativeAOT links with clang, which is not here: apt-get install clang zlib1g-dev");

        DirectoryInfo directory = Directory.CreateTempSubdirectory("hypercall-aot-");
        try
        {
            string output = Path.Combine(directory.FullName, "publish");
            ProcessRun publish = await ProcessRun.OfAsync(
                "dotnet", LastResort.Build, "publish", Checkout.Full("src", "Hypercall.Cli"), "-c", "Release", "-r", "linux-x64", "-p:PublishAot=true",
                "-nologo", "--disable-build-servers", "-o", output, "--artifacts-path", Path.Combine(directory.FullName, "artifacts"));
            Assert.True(publish.ExitCode == 0, publish.Out + publish.Error);
            Assert.DoesNotContain(
                (publish.Out + publish.Error).Split('\n'),
                line => line.Contains("warning ", StringComparison.Ordinal) && !line.Contains("warning NU19", StringComparison.Ordinal)); // vulnerability data is the network's

            string program = Path.Combine(output, "hypercall");
            ProcessRun demo = await ProcessRun.OfAsync(program, LastResort.Bound, "demo", "--json");
            Assert.Equal((0, ""), (demo.ExitCode, demo.Error));
            JsonElement told = JsonDocument.Parse(demo.Out).RootElement;
            Assert.Equal("0xa", told.GetProperty("returned").GetString());
            Assert.All(told.GetProperty("techniques").EnumerateArray(), way => Assert.Equal("foo", way.GetProperty("received").GetString()));
            Assert.Equal("StaleFrame", told.GetProperty("fault").GetProperty("oracle").GetString());

            foreach (string commandLine in (string[])["status --vmm fake --json", "shell --vmm fake --json", "memory --vmm fake --compact --json", "functions --vmm fake --json"])
            {
                ProcessRun run = await ProcessRun.OfAsync(program, LastResort.Bound, commandLine.Split(' '));
                Assert.Equal((0, ""), (run.ExitCode, run.Error));
                _ = JsonDocument.Parse(run.Out);
            }

            ProcessRun send = await ProcessRun.OfAsync(
                program, LastResort.Bound, "send", typeof(NativeAotTests).Assembly.Location, "--function", "upper_list", "--passing", "list", "--vmm", "fake", "--json");
            Assert.Equal((0, ""), (send.ExitCode, send.Error));
            Assert.Equal("completed", JsonDocument.Parse(send.Out).RootElement.GetProperty("outcome").GetString());

            ProcessRun detect = await ProcessRun.OfAsync(program, LastResort.Bound, "detect", "--json");
            JsonElement found = JsonDocument.Parse(detect.Out).RootElement;
            Assert.NotEmpty(found.GetProperty("cpuVendor").GetString()!);
            Assert.Contains(detect.ExitCode, (int[])[(int)ExitCode.Done, (int)ExitCode.Unsupported, (int)ExitCode.MemoryRefused]);
            Assert.Empty(detect.Error);

            ProcessRun usage = await ProcessRun.OfAsync(program, LastResort.Bound, "call", "foo", "--rbx", "ten");
            Assert.Equal((int)ExitCode.Usage, usage.ExitCode);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
