using System.Diagnostics;

namespace Hypercall.Native.Tests.Guard;

/// <summary>Runs a process to its end, or ends it.</summary>
internal static class FaultStressProcess
{
    public static string Managed => Path.Combine(AppContext.BaseDirectory, "Hypercall.Native.FaultStress.dll");

    public static string? Find(params string[] candidates) => candidates
        .SelectMany(candidate => Path.IsPathRooted(candidate)
            ? [candidate]
            : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, candidate)))
        .FirstOrDefault(File.Exists);

    /// <returns>The exit code, 128 + N for a death by signal N, and everything that was printed.</returns>
    public static (int ExitCode, string Output) Run(
        string program, IEnumerable<string> arguments, TimeSpan limit, IReadOnlyDictionary<string, string>? environment = null)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };

        // A test host passes on where its own SDK keeps its tools; a build inside a test finds its own.
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
        {
            _ = start.Environment.Remove(name);
        }

        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            Assert.Fail($"{program} {string.Join(' ', arguments)} did not end within {limit}: {output.Result}{errors.Result}");
        }

        return (process.ExitCode, output.GetAwaiter().GetResult() + errors.GetAwaiter().GetResult());
    }

    /// <summary>Publishes the program, with no build server left behind.</summary>
    public static (int ExitCode, string Output) Publish(string folder, params string[] options) => Run(
        "dotnet",
        [
            "publish", Path.Combine(Checkout.Root, "tests", "Hypercall.Native.FaultStress"), "-c", "Release", "-nologo", "-v:q", "-nodeReuse:false",
            "-p:UseSharedCompilation=false", "--artifacts-path", Path.Combine(folder, "artifacts"), "-o", Path.Combine(folder, "out"), .. options,
        ],
        LastResort.Build);
}
