using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using NSubstitute;

namespace Hypercall.Native.Tests.Diagnostics;

/// <summary>A native machine's calls are counted with a container and without.</summary>
public sealed class ObservationTests : IDisposable
{
    private readonly Meter _meter = new("Hypercall");
    private readonly IMeterFactory _factory = Substitute.For<IMeterFactory>();
    private readonly MeterListener _listener = new();
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly List<string> _seen = [];

    public ObservationTests()
    {
        _factory.Create(Arg.Any<MeterOptions>()).Returns(_meter);
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "Hypercall" && instrument.Name == "hypercall.calls")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            if (Environment.CurrentManagedThreadId == _thread) // other tests call, too
            {
                _seen.Add($"{(instrument.Meter == _meter ? "factory" : "process")} {value} {string.Join(' ', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}"))}".TrimEnd());
            }
        });
        _listener.Start();
    }

    [Fact]
    public void A_machine_counts_on_the_meters_of_its_factory()
    {
        Call(new NativeMachine([new NopProvider()], meterFactory: _factory));
        Assert.Equal(["factory 1 hypercall.function=Xen 17"], _seen);
    }

    [Fact]
    public void A_machine_without_a_factory_counts_on_the_meter_of_the_process()
    {
        Call(new NativeMachine([new NopProvider()]));
        Assert.Equal(["process 1 hypercall.function=Xen 17"], _seen);
    }

    [Fact]
    public void A_machine_of_a_container_counts_on_the_containers_meters()
    {
        using ServiceProvider services = new ServiceCollection().AddSingleton(_factory).AddHypercall(vmm => vmm.AddNop()).BuildServiceProvider();
        Call(services.GetRequiredService<IHypercallMachine>());
        HypercallRegisters registers = default;
        Assert.True(services.GetRequiredService<IHypercallChannel>().TryInvoke(ref registers).IsCompleted);
        Assert.Equal(["factory 1 hypercall.function=Xen 17", "factory 1"], _seen);
    }

    [Fact]
    public void A_machine_with_a_key_counts_under_it()
    {
        using ServiceProvider services = new ServiceCollection().AddSingleton(_factory).AddKeyedHypercall("left", vmm => vmm.AddNop()).BuildServiceProvider();
        Call(services.GetRequiredKeyedService<IHypercallMachine>("left"));
        Assert.Equal(["factory 1 hypercall.function=Xen 17 hypercall.machine=left"], _seen);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_call_allocates_nothing_whether_somebody_listens_or_not(bool isListenedTo)
    {
        Assert.SkipUnless(TestTarget.CanExecute, "Machine code is emitted for x86-64 on Linux and Windows only.");
        _listener.Dispose();
        HypercallFunction function = new(new NativeMachine([new NopProvider()], meterFactory: _factory), HypercallConvention.Xen, 17);
        (long bytes, long counted) = AllocatedBytes.OfCalls(function, _meter, isListenedTo);
        Assert.Equal(0, bytes);
        Assert.Equal(isListenedTo ? AllocatedBytes.Calls : 0, counted);
    }

    [Fact]
    public void Each_exception_of_this_package_says_whether_it_passes()
    {
        IEnumerable<Type> all = typeof(NativeMachine).Assembly.GetTypes().Where(type => !type.IsAbstract && type.IsSubclassOf(typeof(HypercallException)));
        Assert.Equal([typeof(ExecutableMemoryException)], all);
        Assert.False(new ExecutableMemoryException("No.", 13).IsTransient); // a policy stays
    }

    public void Dispose()
    {
        _listener.Dispose();
        _meter.Dispose();
    }

    private static void Call(IHypercallMachine machine)
    {
        Assert.SkipUnless(TestTarget.CanExecute, "Machine code is emitted for x86-64 on Linux and Windows only.");
        _ = new HypercallFunction(machine, HypercallConvention.Xen, 17).Call(1);
    }
}
