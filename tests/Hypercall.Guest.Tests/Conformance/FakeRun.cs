using Hypercall.Conformance;
using Hypercall.Conformance.Running;
using Hypercall.Guest.Tests.Rig;
using Hypercall.Guest.Tests.Tap;

namespace Hypercall.Guest.Tests.Conformance;

/// <summary>The suite on the fake machine, in this process, once for all tests.</summary>
public sealed class FakeRun
{
    private readonly Lazy<TapReport> _amd = new(() => Run("fake", () => FakeMachines.Open("AuthenticAMD")));
    private readonly Lazy<TapReport> _intel = new(() => Run("fake-intel", () => FakeMachines.Open("GenuineIntel")));
    private readonly Lazy<TapReport> _noVmm = new(() => Run("fake-no-vmm", FakeMachines.OpenWithoutVmm));

    internal TapReport Amd => _amd.Value;

    internal TapReport Intel => _intel.Value;

    internal TapReport NoVmm => _noVmm.Value;

    private static TapReport Run(string name, Func<IConformanceMachine> open)
    {
        using StringWriter output = new();
        _ = new Runner(new RunnerOptions { Limit = LastResort.Bound }, open, output).Run(ScenarioCatalog.All);
        string text = output.ToString();
        string file = Path.Combine(RigLogs.Folder, name + ".log");
        string draft = $"{file}.{Environment.ProcessId}";
        File.WriteAllText(draft, text);
        File.Move(draft, file, overwrite: true);
        return TapReport.Parse(text.Split('\n'));
    }
}
