using System.Diagnostics;
using System.Runtime.InteropServices;
using Hypercall.Tests.Hosts;

namespace Hypercall.Native.Tests.Memory;

/// <summary>Runs Hypercall.Native.MemoryProbe in a process of its own, and reads what it tells.</summary>
internal static class Probe
{
    private const string Name = "Hypercall.Native.MemoryProbe";
    private static readonly string[] AsNobody = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

    /// <summary>Runs it.</summary>
    /// <param name="asNobody">As user and group 65534, with no capability; else as this process is.</param>
    /// <param name="arguments">Its arguments.</param>
    public static Dictionary<string, string> Run(bool asNobody, params string[] arguments)
    {
        if (asNobody)
        {
            Host.NeedsLinux();
            Host.NeedsRoot();
            Assert.SkipUnless(File.Exists("/usr/bin/setpriv"), "needs setpriv (util-linux)");
        }

        return RunBehind(asNobody ? AsNobody : [], arguments);
    }

    /// <summary>
    /// Runs it as the root of a user namespace of its own, as a rootless container does: with all capabilities there, and none
    /// outside.
    /// </summary>
    /// <param name="arguments">Its arguments.</param>
    public static Dictionary<string, string> RunAsRootOfNamespace(params string[] arguments)
    {
        Host.NeedsLinux();
        Assert.SkipUnless(CanUnshare(), "needs unshare (util-linux) and the right to make a user namespace");
        return RunBehind(["/usr/bin/unshare", "--user", "--map-root-user"], arguments);
    }

    /// <summary>Runs it on a host that answers some system calls itself.</summary>
    /// <param name="asNobody">As user and group 65534, with no capability; else as this process is.</param>
    /// <param name="rules">Which calls, and how: tests/Shared/Hosts/sandbox.c.</param>
    /// <param name="arguments">Its arguments.</param>
    public static Dictionary<string, string> RunInSandbox(bool asNobody, string[] rules, params string[] arguments)
    {
        string sandbox = CProgram.Build("sandbox");
        string[] user = [];
        if (asNobody)
        {
            Host.NeedsRoot();
            Assert.SkipUnless(File.Exists("/usr/bin/setpriv"), "needs setpriv (util-linux)");
            user = AsNobody;
        }

        return RunBehind([.. user, sandbox, .. rules, "--"], arguments);
    }

    /// <summary>Runs it where nobody mounted /proc, in a mount namespace of its own, and in a sandbox.</summary>
    /// <param name="rules">The rules of the sandbox.</param>
    public static Dictionary<string, string> RunWithoutProc(params string[] rules)
    {
        Host.NeedsRoot();
        Assert.SkipUnless(File.Exists("/usr/bin/unshare"), "needs unshare (util-linux)");
        return RunBehind(["/usr/bin/unshare", "--mount", CProgram.Build("sandbox"), .. rules, "--"], ["--unmount-proc"]);
    }

    private static bool CanUnshare()
    {
        if (!File.Exists("/usr/bin/unshare"))
        {
            return false;
        }

        using Process process = Process.Start(new ProcessStartInfo("/usr/bin/unshare", ["--user", "--map-root-user", "true"]) { RedirectStandardError = true })!;
        return process.WaitForExit(LastResort.Bound) && process.ExitCode == 0;
    }

    /// <summary>Runs it as what some other program runs last, such as a shell that limits itself first.</summary>
    /// <param name="launcher">The program and its arguments; what follows them is the probe.</param>
    /// <param name="arguments">Its arguments.</param>
    public static Dictionary<string, string> RunBehind(string[] launcher, params string[] arguments)
    {
        Host.NeedsLinux();
        string dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../../dotnet"));
        Assert.SkipUnless(File.Exists(dotnet), "needs the dotnet host beside the runtime");

        // Somebody else may not read the build's directory.
        DirectoryInfo home = Directory.CreateTempSubdirectory("hypercall-probe-");
        try
        {
            for (int i = 0; i < launcher.Length; i++)
            {
                if (launcher[i].StartsWith(AppContext.BaseDirectory, StringComparison.Ordinal))
                {
                    string copy = Path.Combine(home.FullName, Path.GetFileName(launcher[i]));
                    File.Copy(launcher[i], copy); // with its mode
                    launcher[i] = copy;
                }
            }

            foreach (string file in Directory.EnumerateFiles(AppContext.BaseDirectory).Where(IsNeeded))
            {
                string copy = Path.Combine(home.FullName, Path.GetFileName(file));
                File.Copy(file, copy);
                if (OperatingSystem.IsLinux())
                {
                    File.SetUnixFileMode(copy, (UnixFileMode)0x1A4); // 0644
                }
            }

            if (OperatingSystem.IsLinux())
            {
                File.SetUnixFileMode(home.FullName, (UnixFileMode)0x1ED); // 0755
            }

            string program = Path.Combine(home.FullName, Name + ".dll");
            string[] line = [.. launcher, dotnet, program, .. arguments];
            ProcessStartInfo start = new(line[0], line[1..]);
            start.RedirectStandardOutput = true;
            start.RedirectStandardError = true;
            start.WorkingDirectory = home.FullName;
            start.Environment["HOME"] = home.FullName;
            start.Environment["DOTNET_EnableDiagnostics"] = "0";
            return Read(start);
        }
        finally
        {
            home.Delete(recursive: true);
        }
    }

    private static bool IsNeeded(string path)
    {
        string file = Path.GetFileName(path);
        return file.StartsWith(Name, StringComparison.Ordinal) || file is "Hypercall.Native.dll" or "Hypercall.Abstractions.dll" or "Hypercall.BitVisor.dll" or "Iced.dll"
            || file.StartsWith("Microsoft.Extensions.", StringComparison.Ordinal);
    }

    private static Dictionary<string, string> Read(ProcessStartInfo start)
    {
        using Process process = Process.Start(start)!;
        try
        {
            Task<string> error = process.StandardError.ReadToEndAsync();
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            Assert.True(process.WaitForExit(LastResort.Bound), $"The probe did not end within {LastResort.Bound}.");
            Assert.True(process.ExitCode == 0, $"The probe ended with {process.ExitCode}: {error.GetAwaiter().GetResult()}");
            return output.GetAwaiter().GetResult().Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => line.Split(": ", 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
