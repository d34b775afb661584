using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Hypercall.Guest.Tests;

/// <summary>The rig of the checkout: its guest image, and boots of it.</summary>
internal static class Rig
{
    /// <summary>Set to <c>no</c> for a run without guests.</summary>
    public const string Switch = "HYPERCALL_GUESTS";

    private static readonly TimeSpan BuildBound = TimeSpan.FromMinutes(20); // cold, with downloads, on a busy machine of two cores
    private static readonly Lazy<string?> Image = new(BuildImage);

    public static string Root { get; } = FindRoot();

    public static string Artifacts => Path.Combine(Root, "artifacts", "rig");

    public static string Logs => Path.Combine(Artifacts, "logs");

    /// <summary>Why no guest of a kind can run here; null when it can.</summary>
    /// <param name="machine"><c>amd</c> or <c>intel</c>.</param>
    public static string? WhyNot(string machine)
    {
        if (string.Equals(Environment.GetEnvironmentVariable(Switch), "no", StringComparison.OrdinalIgnoreCase))
        {
            return $"{Switch}=no: guests were not asked for";
        }

        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            return "the rig runs on Linux x86-64";
        }

        string[] needed = machine == "amd" ? ["qemu-system-x86_64"] : ["bochs-bin", "grub-mkrescue", "xorriso", "mformat"];
        string[] tools = [.. needed, "gcc-12", "ld.lld", "clang", "cpio", "make", "dpkg-deb"];
        string missing = string.Join(", ", tools.Where(tool => !IsOnPath(tool)));
        return missing.Length != 0 ? $"not here: {missing} (on Debian: apt-get install qemu-system-x86 bochs bochsbios vgabios grub-pc-bin xorriso mtools gcc-12 lld clang cpio)" : Image.Value;
    }

    /// <summary>Starts a boot; whoever ends this process ends it, too.</summary>
    /// <param name="arguments">For rig/boot, beyond the image.</param>
    public static Process Boot(params IEnumerable<string> arguments)
    {
        string[] all = [.. arguments];
        ProcessStartInfo start = new(Path.Combine(Root, "rig", "boot"))
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Root,
        };
        foreach (string argument in (string[])[all[0], "--kernel", Path.Combine(Artifacts, "vmlinuz"), "--initrd", Path.Combine(Artifacts, "initramfs.gz"), .. all[1..]])
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start)!;
    }

    private static bool IsOnPath(string tool) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, tool)));

    private static string? BuildImage()
    {
        ProcessStartInfo start = new(Path.Combine(Root, "rig", "guest", "build")) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        // Whatever runs this test must not reach into another build of the same projects.
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
        {
            _ = start.Environment.Remove(name);
        }

        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(BuildBound))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"rig/guest/build was still running after {BuildBound}.");
        }

        return process.ExitCode == 0 ? null
            : error.Result.Contains("could not be fetched", StringComparison.Ordinal) ? $"the guest's packages are not to be had: {error.Result.Trim()}"
            : throw new InvalidOperationException($"rig/guest/build failed with {process.ExitCode}: {output.Result}{error.Result}");
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Hypercall.sln")))
            {
                return directory.FullName;
            }
        }

        throw new InvalidOperationException("There is no Hypercall.sln above the tests.");
    }
}
