namespace Hypercall.Testing;

/// <summary>
/// The fake machine as a program sees it that names a provider, or a CPU, or has ways down of its own. The fake itself stays as
/// it is: others may use it.
/// </summary>
internal sealed class FakeMachineView(FakeMachine vmm, FakeTargets targets, int cpu) : IHypercallMachine
{
    public ICpuid Cpuid => vmm.Cpuid;

    public IHypervisorSigns Signs => vmm.Signs;

    public HypercallTarget Target => targets.Select();

    public IReadOnlyList<IHypercallProvider> Providers => targets.Providers;

    public IHypercallChannel Channel => vmm.Open((FakeProvider)Target.Provider, cpu);

    public IGuestMemory Memory => vmm.Memory;

    public IHypercallMachine OnCpu(int cpu) => new FakeMachineView(vmm, targets, vmm.CheckedCpu(cpu));
}
