using System.Diagnostics.Metrics;
using Hypercall.BitVisor;
using Hypercall.Native;
using Hypercall.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Hypercall.Cli.Machines;

/// <summary>
/// One run's way to the VMM, built like any user's: by AddHypercall. Nothing is asked of the machine before a member is read.
/// </summary>
internal sealed class VmmSession : IDisposable
{
    private readonly ServiceProvider _services;

    private VmmSession(ServiceProvider services) => _services = services;

    /// <summary>The CPU; needs no provider.</summary>
    public CpuIdentity Cpu => _services.GetRequiredService<CpuIdentity>();

    /// <summary>The instruction chosen for the CPU.</summary>
    public HypercallTarget Target => _services.GetRequiredService<HypercallTarget>();

    /// <summary>CPUID, for what <see cref="Cpu"/> leaves out.</summary>
    public ICpuid Cpuid => _services.GetRequiredService<ICpuid>();

    /// <summary>The machine, with the channel that all its calls take.</summary>
    public IHypercallMachine Machine => _services.GetRequiredService<IHypercallMachine>().WithChannel(Channel);

    /// <summary>The machine as it is, which can be bound to a CPU.</summary>
    public IHypercallMachine Whole => _services.GetRequiredService<IHypercallMachine>();

    public IHypercallChannel Channel => _services.GetRequiredService<IHypercallChannel>();

    /// <summary>Memory to hand over; needs no provider.</summary>
    public IGuestMemory Memory => _services.GetRequiredService<IGuestMemory>();

    public BitVisorClient Vmm => _services.GetRequiredService<BitVisorClient>();

    /// <summary>Opens a session.</summary>
    /// <param name="choice">Which machine.</param>
    /// <param name="host">May register something else.</param>
    /// <param name="script">Tells a fake VMM its functions; null for those of <see cref="FakeFunctions"/>.</param>
    public static VmmSession Open(MachineChoice choice, CliHost host, Action<FakeMachine>? script)
    {
        ServiceCollection services = new();
        _ = services.AddHypercall(vmm =>
        {
            _ = vmm.AddBitVisor();
            if (choice.Vmm == VmmKind.Fake)
            {
                FakeMachine fake = FakeMachines.Create(choice.Personality);
                (script ?? FakeFunctions.Register)(fake);
                _ = vmm.AddFakeMachine(fake).Configure(options => options.Provider = choice.Provider);
            }
            else
            {
                _ = vmm.UseMachine(services => new NativeMachine(
                    RealWays.With(choice.Provider),
                    new HypercallOptions { Provider = choice.Provider ?? RealWays.CpusChoice() },
                    services.GetService<ILoggerFactory>(),
                    services.GetService<IMeterFactory>()));
            }
        });
        host.ConfigureServices?.Invoke(services);
        return new VmmSession(services.BuildServiceProvider());
    }

    public void Dispose() => _services.Dispose();
}
