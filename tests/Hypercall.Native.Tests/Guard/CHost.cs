namespace Hypercall.Native.Tests.Guard;

/// <summary>C programs of Hosts/, built when first asked for.</summary>
internal sealed class CHost(string folder)
{
    private readonly Lazy<string> _program = new(() => Build(folder, "host", "-ldl", "-lpthread"));
    private readonly Lazy<string> _deaf = new(() => Build(folder, "deaf", "-shared", "-fPIC", "-ldl"));

    /// <summary>host.c, which does the steps that are its arguments.</summary>
    public string Program => _program.Value;

    /// <summary>deaf.c, to be preloaded.</summary>
    public string Deaf => _deaf.Value;

    private static string Build(string folder, string name, params string[] options)
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && TestTarget.CanExecute, "These hosts are about Linux's signals, on x86-64.");
        string gcc = FaultStressProcess.Find("gcc")!;
        Assert.SkipWhen(gcc is null, "No gcc on the PATH: the C host cannot be built (apt-get install gcc).");
        string output = Path.Combine(folder, name);
        string source = Checkout.Full("tests", "Hypercall.Native.Tests", "Guard", "Hosts", $"{name}.c");
        (int exitCode, string text) = FaultStressProcess.Run(gcc, ["-O1", "-Wall", source, "-o", output, .. options], LastResort.Bound);
        Assert.True(exitCode == 0, text);
        return output;
    }
}
