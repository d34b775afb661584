using Hypercall.BitVisor;

namespace Hypercall.Conformance.Scenarios;

/// <summary>Several threads at once, on as many virtual CPUs as there are.</summary>
internal static class ThreadScenarios
{
    private const int Threads = 4;

    public static IEnumerable<Scenario> All { get; } =
    [
        new("threads: registers of one never show in another", Needs.Rig, Registers),
        new("threads: each hands over its own buffer by every technique, under garbage collection", Needs.Rig | Needs.Frames | Needs.Pinning, Transfers),
        new("threads: all look up all names", Needs.Rig, LookUps),
        new("threads: faults and calls side by side", Needs.Rig | Needs.OtherInstruction, FaultsAndCalls),
    ];

    private static void OnEach(Action<int> work)
    {
        List<Exception> errors = [];
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(index => new Thread(() =>
        {
            try
            {
                work(index);
            }
#pragma warning disable CA1031 // it is thrown again below
            catch (Exception e)
#pragma warning restore CA1031
            {
                lock (errors)
                {
                    errors.Add(e);
                }
            }
        }))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        if (errors.Count != 0)
        {
            throw new ScenarioFailedException($"{errors.Count} of {Threads} threads failed; the first: {errors[0].Message}");
        }
    }

    private static void Registers(ScenarioContext context)
    {
        HypercallFunction mix = context.Rig.Get("mix");
        int times = context.Repeat(5000);
        OnEach(index =>
        {
            Random random = new(index);
            for (int i = 0; i < times; i++)
            {
                HypercallRegisters before = Frames.Random(random);
                HypercallRegisters after = before;
                mix.Call(ref after);
                Check.Equal((~before.Rbx, before.Rdx ^ before.Rsi, before.Rdi), (after.Rbx, after.Rdx, after.Rsi));
                Frames.CheckUnchanged(
                    before, after, GeneralRegister.Rax, GeneralRegister.Rbx, GeneralRegister.Rcx, GeneralRegister.Rdx, GeneralRegister.Rsi, GeneralRegister.Rdi);
            }
        });
    }

    private static void Transfers(ScenarioContext context)
    {
        int times = context.Repeat(50);
        OnEach(index =>
        {
            Random random = new(index);
            using GuestBuffer buffer = context.Allocate(40_000);
            random.NextBytes(buffer.Span);
            for (int i = 0; i < times; i++)
            {
                Passing passing = (Passing[])[Passing.Virtual, Passing.PageByPage, Passing.FrameList] is var all ? all[i % 3] : Passing.Virtual;
                byte[] expected = buffer.Span.ToArray();
                RigStream model = RigStream.Empty;
                model.Handle(expected, Direction.Both, (byte)i);
                context.Rig.Reset(index);
                _ = context.Rig.Get(RigClient.FunctionFor(passing)).Transfer(buffer, passing, Direction.Both, RigClient.Rule, RigClient.Options(Direction.Both, (byte)i, index));
                Check.Equal(model, context.Rig.Read(index), $"thread {index}, {passing}");
                Check.Bytes(expected, buffer.Span, $"thread {index}, {passing}");
                if (i % 10 == index)
                {
                    GC.Collect();
                }
            }
        });
    }

    private static void LookUps(ScenarioContext context)
    {
        ulong[] numbers = [.. RigClient.Names.Select(name => context.Rig.Get(name).Number)];
        int times = context.Repeat(20);
        OnEach(_ =>
        {
            for (int i = 0; i < times; i++)
            {
                BitVisorClient fresh = new(context.Machine.Hardware);
                Check.That(numbers.AsSpan().SequenceEqual([.. RigClient.Names.Select(name => fresh.GetFunction(name).Number)]), "another number");
            }
        });
    }

    private static void FaultsAndCalls(ScenarioContext context)
    {
        IHypercallChannel other = context.Machine.OpenOtherInstruction();
        HypercallFunction add = context.Rig.Get("add");
        int times = context.Repeat(2000);
        OnEach(index =>
        {
            for (ulong i = 0; i < (ulong)times; i++)
            {
                if (index % 2 == 0)
                {
                    Check.Equal(i + 3, add.Call(i, 1, 2).Rax);
                }
                else
                {
                    HypercallRegisters registers = new() { Rbx = i };
                    Check.Equal(CpuFaultKind.InvalidOpcode, other.TryInvoke(ref registers).Fault.Kind);
                }
            }
        });
    }
}
