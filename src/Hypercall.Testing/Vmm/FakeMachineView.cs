namespace Hypercall.Testing;

/// <summary>
/// The fake machine as a program sees it that names a provider, or a CPU. The fake itself stays as it is: others may use it.
/// </summary>
internal sealed class FakeMachineView(FakeMachine vmm, HypercallOptions? options, int cpu) : IHypercallMachine
{
    public ICpuid Cpuid => vmm.Cpuid;

    public IHypervisorSigns Signs => vmm.Signs;

    public HypercallTarget Target => vmm.SelectTarget(options);

    public IReadOnlyList<IHypercallProvider> Providers => vmm.Providers;

    public IHypercallChannel Channel => vmm.Open(Target, cpu);

    public IGuestMemory Memory => vmm.Memory;

    public IHypercallMachine OnCpu(int cpu) => new FakeMachineView(vmm, options, vmm.CheckedCpu(cpu));
}
