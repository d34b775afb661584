using System.Security.Cryptography;
using System.Xml.Linq;

namespace Hypercall.Packages.Tests;

/// <summary>hypercall-dkms: the kernel module's source as Debian's package manager takes it.</summary>
public sealed class MachinePackageTests : IAsyncLifetime
{
    private static readonly string Version =
        XDocument.Load(Checkout.Full("Directory.Build.props")).Descendants("VersionPrefix").Single().Value;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hypercall-deb-");
    private string? _why;

    private string Package => Path.Combine(_folder.FullName, "first", $"hypercall-dkms_{Version}_all.deb");

    public async ValueTask InitializeAsync()
    {
        _why = OperatingSystem.IsLinux() && await ProcessRun.CanAsync("dpkg-deb", "--version") ? null : "There is no dpkg-deb here.";
        if (_why is null)
        {
            await BuildAsync("first");
        }
    }

    public ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Built_twice_it_has_the_same_bytes()
    {
        Assert.SkipWhen(_why is not null, _why ?? "");
        await BuildAsync("second");
        string again = Path.Combine(_folder.FullName, "second", Path.GetFileName(Package));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Package))), Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(again))));
        Assert.Equal(
            $"{Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(again)))}  {Path.GetFileName(again)}\n",
            File.ReadAllText(Path.Combine(_folder.FullName, "second", "SHA256SUMS")));
    }

    [Fact]
    public async Task It_holds_the_modules_source_and_what_to_read_and_nothing_else()
    {
        Assert.SkipWhen(_why is not null, _why ?? "");
        string[] source =
        [
            .. Directory.EnumerateFiles(Checkout.Full("kernel")).Select(file => Path.GetFileName(file)).Where(name => name is not ("README.md" or "Makefile")),
        ];
        string[] expected =
        [
            .. source.Select(name => $"usr/src/hypercall-{Version}/{name}"),
            .. ((string[])["README.md", "copyright", "kernel-module.md"]).Select(name => $"usr/share/doc/hypercall-dkms/{name}"),
        ];
        string root = await UnpackAsync("-x");
        Assert.Equal(
            expected.Order(StringComparer.Ordinal),
            Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(root, file)).Order(StringComparer.Ordinal));
        Assert.All(source, name => Assert.Equal(
            File.ReadAllText(Checkout.Full("kernel", name)), File.ReadAllText(Path.Combine(root, "usr", "src", $"hypercall-{Version}", name))));
    }

    [Fact]
    public async Task It_does_not_go_while_the_module_keeps_a_buffer()
    {
        const string Kept = "id=3 gpa=0x1c00000 size=65536 file=closed pid=417 comm=agent\n";
        ProcessRun run = await RemoveAsync(Kept);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains(Kept, run.Error, StringComparison.Ordinal);
        Assert.Contains("/release", run.Error, StringComparison.Ordinal);
        Assert.Equal("", run.Out); // neither rmmod nor dkms
    }

    [Fact]
    public async Task It_unloads_the_module_and_removes_what_DKMS_built_when_nothing_is_kept()
    {
        ProcessRun run = await RemoveAsync("");
        Assert.Equal("", run.Error);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal($"rmmod hypercall\ndkms remove -m hypercall -v {Version} --all\n", run.Out);
    }

    [Fact]
    public async Task It_goes_without_a_word_when_the_module_is_not_loaded()
    {
        ProcessRun run = await RemoveAsync(null);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal($"dkms remove -m hypercall -v {Version} --all\n", run.Out);
    }

    private static async Task<ProcessRun> RunAsync(string program, params string[] args)
    {
        ProcessRun run = await ProcessRun.OfAsync(program, LastResort.Bound, args);
        Assert.True(run.ExitCode == 0, $"{program}: {run.Out}{run.Error}");
        return run;
    }

    private Task<ProcessRun> BuildAsync(string folder) =>
        RunAsync(Checkout.Full("eng", "packages"), "deb", "--dkms-only", "--output", Path.Combine(_folder.FullName, folder));

    private async Task<string> UnpackAsync(string how)
    {
        string root = Path.Combine(_folder.FullName, "unpacked");
        _ = await RunAsync("dpkg-deb", how, Package, root);
        return root;
    }

    // The package's own script, with a folder for sysfs, and programs that only say what they were told.
    private async Task<ProcessRun> RemoveAsync(string? kept)
    {
        Assert.SkipWhen(_why is not null, _why ?? "");
        string script = Path.Combine(await UnpackAsync("-e"), "prerm");
        string device = Path.Combine(_folder.FullName, "device");
        if (kept is not null)
        {
            _ = Directory.CreateDirectory(device);
            await File.WriteAllTextAsync(Path.Combine(device, "kept"), kept);
        }

        const string Device = "device=/sys/class/misc/hypercall\n";
        string text = await File.ReadAllTextAsync(script);
        Assert.Contains(Device, text, StringComparison.Ordinal);
        await File.WriteAllTextAsync(script, text.Replace(Device, $"""
            device={device}
            rmmod() {"{"} echo "rmmod $*"; {"}"}
            dkms() {"{"} if [ "$1" = status ]; then echo "hypercall/{Version}: added"; else echo "dkms $*"; fi; {"}"}

            """, StringComparison.Ordinal));
        return await ProcessRun.OfAsync("sh", LastResort.Bound, script, "remove");
    }
}
