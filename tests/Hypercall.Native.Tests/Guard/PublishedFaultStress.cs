namespace Hypercall.Native.Tests.Guard;

/// <summary>
/// The stress program as a NativeAOT binary, as a NativeAOT library for other hosts, and as a Windows program, each published
/// once, when first asked for.
/// </summary>
public sealed class PublishedFaultStress : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hypercall-fault-stress-").FullName;
    private readonly Lazy<string> _native;
    private readonly Lazy<string> _library;
    private readonly Lazy<string> _windows;
    private readonly CHost _host;

    public PublishedFaultStress()
    {
        _native = new(() => Publish("native", "Hypercall.Native.FaultStress", "-r", "linux-x64", "-p:PublishAot=true"));
        _library = new(() => Publish("library", "Hypercall.Native.FaultStress.so", "-r", "linux-x64", "-p:PublishAot=true", "-p:NativeLib=Shared"));
        _host = new CHost(_folder);
        _windows = new(() => Publish("windows", "Hypercall.Native.FaultStress.exe", "-r", "win-x64", "--self-contained"));
    }

    public string Folder => _folder;

    public string Native => Aot(_native);

    public string Library => Aot(_library);

    internal CHost Host => _host;

    public string Windows => _windows.Value;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Aot(Lazy<string> published)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && TestTarget.CanExecute, "The NativeAOT binary is built for linux-x64.");
        Assert.SkipWhen(
            FaultStressProcess.Find("clang") is null,
            "No clang on the PATH: a NativeAOT binary cannot be linked (apt-get install clang lld zlib1g-dev).");
        return published.Value;
    }

    private string Publish(string name, string program, params string[] options)
    {
        string folder = Path.Combine(_folder, name);
        (int exitCode, string output) = FaultStressProcess.Publish(folder, options);
        Assert.True(exitCode == 0, output);
        string[] warnings = [.. output.Split('\n').Where(line => line.Contains("warning", StringComparison.OrdinalIgnoreCase)
            && !line.Contains("NU190", StringComparison.Ordinal))]; // vulnerability data that a mirror does not serve
        Assert.Empty(warnings);
        return Path.Combine(folder, "out", program);
    }
}
