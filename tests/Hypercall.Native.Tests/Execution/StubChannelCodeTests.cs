using Hypercall.Native.Tests.Guard;

namespace Hypercall.Native.Tests.Execution;

/// <summary>What the JIT makes of the way into a stub: a call after 256-bit arithmetic is 175 ns dearer or not.</summary>
public sealed class StubChannelCodeTests : IDisposable
{
    private const string Helper = "CORINFO_HELP_INIT_PINVOKE_FRAME"; // src/coreclr/inc/corinfo.h

    private readonly string _listing = Path.Combine(Path.GetTempPath(), $"hypercall-listing-{Guid.NewGuid():N}");

    public void Dispose() => File.Delete(_listing);

    [Fact]
    public void The_upper_halves_are_cleared_before_the_runtime_prepares_the_call()
    {
        Assert.SkipUnless(TestTarget.CanExecute, "Stubs are executed on x86-64.");
        bool isKept = VectorState.IsKept(new NativeCpuid(), VectorState.ReadXcr0);
        Assert.SkipUnless(isKept, "This CPU has no AVX, or this system does not save its state.");
        Dictionary<string, string> environment = new()
        {
            ["DOTNET_TieredCompilation"] = "0", // optimized at once
            ["DOTNET_EnableAVX"] = "1",
            ["DOTNET_JitDisasm"] = "TryInvoke", // the runtime's docs/design/coreclr/jit/viewing-jit-dumps.md
            ["DOTNET_JitStdOutFile"] = _listing,
        };

        (int exitCode, string text) = FaultStressProcess.Run(
            "dotnet", [FaultStressProcess.Managed, "once"], LastResort.Bound, environment);

        Assert.True(exitCode == 0, text);
        string code = File.ReadAllText(_listing);
        int prepares = code.IndexOf(Helper, StringComparison.Ordinal);
        Assert.SkipWhen(prepares < 0 && code.Length > 0, $"This runtime prepares calls without {Helper}.");
        Assert.InRange(code.IndexOf("vzeroupper", StringComparison.Ordinal), 0, prepares);
    }
}
