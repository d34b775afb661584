using BenchmarkDotNet.Attributes;
using Hypercall.BitVisor;
using Hypercall.Testing;

namespace Hypercall.Benchmarks;

/// <summary>What the fake machine costs: a case of a property test, and the VMM's way to the guest's memory.</summary>
public unsafe class FakeMachineBenchmarks
{
    /// <summary>Pages of a default case.</summary>
    public const int CasePages = 64;

    /// <summary>Transfers of a default case.</summary>
    public const int CaseTransfers = 8;

    /// <summary>Pages of the copies: 16 MiB.</summary>
    public const int CopyPages = 4096;

    /// <summary>Bytes that are read one walk at a time: a part of the 16 MiB.</summary>
    public const int LinearBytes = 64 * 1024;

    private static readonly FaultPlan Plan =
    [
        new(FakeInjectionPoint.BeforeWalk(3, 5), new FakeFault(FakeFaultKind.SwapOut)),
        new(FakeInjectionPoint.BeforePage(5, 9), new FakeFault(FakeFaultKind.PageMigration)),
        new(FakeInjectionPoint.AfterReturn(6), new FakeFault(FakeFaultKind.Scatter, FakeTarget.Of(1, 0))),
        new(FakeInjectionPoint.BeforeReturn(7), new FakeFault(FakeFaultKind.Clobber)),
    ];

    private static readonly FakeMachineOptions Machine = new() { Plan = Plan };

    private byte[] _from = null!;
    private byte[] _to = null!;
    private HypercallFunction _copy = null!;
    private HypercallFunction _linear = null!;
    private GuestBuffer _buffer = null!;

    [GlobalSetup]
    public void Setup()
    {
        _from = new byte[CopyPages * GuestPage.Size];
        _to = new byte[CopyPages * GuestPage.Size];
        FakeMachine vmm = new(new FakeMachineOptions { StepBudget = long.MaxValue }); // a benchmark makes more steps than any test
        _ = vmm.On("copy", call => call.Rax = (ulong)call.CopyFromGuest(new GuestVirtualAddress(call.Rbx), _to).BytesDone)
            .On("linear", call =>
            {
                for (int i = 0; i < LinearBytes; i++)
                {
                    _ = call.TryReadLinear(new GuestVirtualAddress(call.Rbx + (ulong)i), out _to[i]);
                }
            });
        BitVisorClient client = new(vmm);
        _copy = client.GetFunction("copy");
        _linear = client.GetFunction("linear");
        _buffer = vmm.Memory.Allocate(_to.Length, Residency.Touched);
        _buffer.Span.Fill(1);
        _from.AsSpan().Fill(1);
    }

    [Benchmark]
    public FakeMachine IdleMachine() => new();

    /// <summary>
    /// A new machine; 64 pages of data, handed over an eighth at a time in 8 transfers by 4 techniques; 4 faults.
    /// </summary>
    [Benchmark]
    public long DefaultCase()
    {
        FakeMachine vmm = new(Machine);
        _ = vmm.On("gva", FakeHandlers.ByVirtualAddress(Increment))
            .On("gpa", FakeHandlers.ByPhysicalAddress(Increment))
            .On("list", FakeHandlers.ByFrameList(Increment));
        BitVisorClient client = new(vmm);
        using GuestBuffer data = vmm.Memory.Allocate(CasePages * GuestPage.Size, new GuestBufferOptions { Contiguity = Contiguity.Contiguous });
        long done = 0;
        for (int i = 0; i < CaseTransfers; i++)
        {
            (string name, Passing passing) = (i % 4) switch
            {
                0 => ("gva", Passing.Virtual),
                1 => ("gpa", Passing.Contiguous),
                2 => ("gpa", Passing.PageByPage),
                _ => ("list", Passing.FrameList),
            };
            const int Length = CasePages * GuestPage.Size / CaseTransfers;
            done += client.GetFunction(name).TryTransfer(data.Slice(i * Length, Length), passing, Direction.Both, FakeHandlers.Rule).BytesDone;
        }

        return done;
    }

    [Benchmark]
    public ulong CopyFromGuest() => _copy.Call(_buffer.Address.Value).Rax;

    [Benchmark]
    public void MemoryCopy()
    {
        fixed (byte* from = _from, to = _to)
        {
            Buffer.MemoryCopy(from, to, _to.Length, _from.Length);
        }
    }

    [Benchmark]
    public ulong ReadLinearBytes() => _linear.Call(_buffer.Address.Value).Rax;

    /// <summary>Allocates pages, and lets the VMM walk to each.</summary>
    [Benchmark]
    [Arguments(4096)]
    [Arguments(65_536)]
    [Arguments(262_144)]
    public long WalkAll(int pages)
    {
        long found = 0;
        FakeMachine vmm = new();
        _ = vmm.On("walk", call =>
        {
            for (ulong page = 0; page < call.Rcx; page++)
            {
                found += call.Walk(new GuestVirtualAddress(call.Rbx + (page << GuestPage.Shift))).IsPresent ? 1 : 0;
            }
        });
        using GuestBuffer buffer = vmm.Memory.Allocate((long)pages << GuestPage.Shift, Residency.Touched);
        _ = new BitVisorClient(vmm).GetFunction("walk").Call(buffer.Address.Value, (ulong)pages);
        return found;
    }

    private static void Increment(FakeCall call, Span<byte> bytes) => bytes[0]++;
}
