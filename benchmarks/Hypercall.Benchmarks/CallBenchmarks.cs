using BenchmarkDotNet.Attributes;
using Hypercall.BitVisor;
using Hypercall.Native;
using Hypercall.Native.Execution;
using Hypercall.Testing;
using Hypercall.Tests;

namespace Hypercall.Benchmarks;

/// <summary>
/// What a call costs, with a plain instruction where the hypercall instruction would be: a VM exit would drown all differences.
/// </summary>
public unsafe class CallBenchmarks
{
    private const int Calls = 10_000;
    private const int Frames = 64;
    private const byte Nop = 0x90;          // Intel SDM vol. 2B, NOP
    private const byte MovEaxImm32 = 0xB8;  // Intel SDM vol. 2B, MOV

    private IHypercallChannel _channel = null!;
    private HypercallFunction _named = null!;
    private HypercallFunction _function = null!;
    private HypercallRegisters _registers;
    private readonly HypercallRegisters[] _frames = new HypercallRegisters[Frames];

    [GlobalSetup]
    public void Setup()
    {
        _channel = Execute(new HypercallInstruction("NOP", [Nop]));
        _named = new BitVisorClient(new NativeMachine([]).WithChannel(Execute(new HypercallInstruction("MOV EAX, 4", [MovEaxImm32, 4, 0, 0, 0])))).GetFunction("four"); // it answers 4 to all
        FakeMachine fake = new(new FakeMachineOptions { StepBudget = long.MaxValue }); // a benchmark makes more steps than any test
        _function = new BitVisorClient(fake.On("foo", call => call.Rax = 10)).GetFunction("foo");
    }

    [Benchmark(OperationsPerInvoke = Calls)]
    public ulong Stub()
    {
        for (int i = 0; i < Calls; i++)
        {
            _ = _channel.TryInvoke(ref _registers);
        }

        return _registers.Rax;
    }

    [Benchmark(OperationsPerInvoke = Calls)]
    public ulong NamedCall()
    {
        ulong sum = 0;
        for (int i = 0; i < Calls; i++)
        {
            sum += _named.Call(1, 2, 3).Rax;
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = Frames)]
    public ulong ManyFrames()
    {
        _ = _channel.TryInvokeAll(_frames, out int completed);
        return (ulong)completed;
    }

    [Benchmark(OperationsPerInvoke = Frames)]
    public ulong ManyFramesInC()
    {
        fixed (HypercallRegisters* frames = _frames)
        {
            Peers.ExchangeMany(frames, Frames);
        }

        return _frames[0].Rax;
    }

    [Benchmark(OperationsPerInvoke = Calls)]
    public ulong ExchangeInC()
    {
        HypercallRegisters registers = default;
        Peers.Exchange(&registers, Calls);
        return registers.Rax;
    }

    [Benchmark(OperationsPerInvoke = Calls)]
    public ulong GuardedExchangeInC()
    {
        HypercallRegisters registers = default;
        Peers.GuardedExchange(&registers, Calls);
        return registers.Rax;
    }

    [Benchmark(OperationsPerInvoke = Calls)]
    public ulong NamedCallOnTheFake()
    {
        ulong sum = 0;
        for (int i = 0; i < Calls; i++)
        {
            sum += _function.Call(1, 2, 3).Rax;
        }

        return sum;
    }

    private static StubChannel Execute(HypercallInstruction instruction) =>
        new(new HypercallTarget(new CpuIdentity { Vendor = "Benchmark" }, new MadeUpProvider("Benchmark", instruction)));
}
