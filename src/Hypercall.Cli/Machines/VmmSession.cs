using System.Diagnostics.Metrics;
using Hypercall.BitVisor;
using Hypercall.Cli.CommandLine;
using Hypercall.Linux;
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

    /// <summary>Memory of the kernel module's, and what it keeps. The device is opened when it is used.</summary>
    public KernelMemory KernelMemory => _services.GetRequiredService<KernelMemory>();

    /// <summary>The VMM's functions by name.</summary>
    /// <exception cref="UsageException">The chosen way does not carry a look-up.</exception>
    public BitVisorClient Vmm => CanLookUp(Target.Provider)
        ? _services.GetRequiredService<BitVisorClient>()
        : throw new UsageException(
            $"--channel {Target.ProviderName} does not carry a name: it takes {Target.Provider.Carries}. Call by convention and "
            + "number: 'hypercall call --convention NAME --number N'.");

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
            _ = vmm.Services.AddSingleton(static _ => new KernelMemory());
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

    /// <summary>Whether a look-up by name can go by a way: its number in RAX, and the name's address in RBX.</summary>
    public static bool CanLookUp(IHypercallProvider way) => way.Carries.Contains(GeneralRegister.Rbx);

    /// <summary>Memory that the VMM may keep past the end of the tool: the kernel module's, where calls go through it.</summary>
    /// <param name="length">Its length in bytes.</param>
    public GuestBuffer AllocateKept(long length) => Target.Provider is KernelModuleProvider
        ? KernelMemory.Allocate(length)
        : Memory.Allocate(length, Residency.Pinned, Contiguity.Contiguous);

    public void Dispose() => _services.Dispose();
}
