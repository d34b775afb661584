using Hypercall.BitVisor;

namespace Hypercall.Testing.Tests.Clients;

/// <summary>
/// A program that uses the library as its documentation says, and handles every error: what the fake machine must never accuse.
/// </summary>
internal sealed class FaithfulClient(FakeMachine machine, FakeExchange exchange)
{
    private const string StatusText = "state: running\nvcpus: 2\n";

    private readonly BitVisorClient _vmm = new(machine);

    /// <summary>How many transfers moved all of their bytes.</summary>
    public int Completed { get; private set; }

    /// <summary>How many were begun.</summary>
    public int Begun { get; private set; }

    /// <summary>Gives a machine the functions that the client uses.</summary>
    public static FaithfulClient On(FakeMachine machine)
    {
        FakeShell shell = new();
        FakeStatus status = new(() => StatusText);
        _ = machine.On("dbgsh", shell.Answer).On("get_status", status.Answer).On("add", call => call.Rax = call.Rbx + call.Rcx + call.Rdx);
        return new FaithfulClient(machine, FakeExchange.AddTo(machine, "data"));
    }

    /// <summary>Does what the case says, all of it, whatever fails on the way.</summary>
    public void Run(FakeCase what)
    {
        List<GuestBuffer?> buffers = [.. what.Buffers.Select(Allocate)];
        try
        {
            foreach (FakeCallShape call in what.Calls)
            {
                if (call.Buffer < buffers.Count && buffers[call.Buffer] is { } buffer)
                {
                    Transfer(buffer, what.Buffers[call.Buffer], call);
                }
            }

            if (what.Calls.Count % 4 == 0)
            {
                Add();
                ReadStatus();
            }
        }
        finally
        {
            buffers.ForEach(buffer => buffer?.Dispose());
        }
    }

    private GuestBuffer? Allocate(FakeBufferShape shape)
    {
        GuestBufferOptions options = new() { Residency = shape.Residency, Contiguity = shape.Contiguity, AllowFallback = shape.Length % 2 == 0 };
        return machine.Memory.TryAllocate(shape.Offset + shape.Length, options, out GuestBuffer? buffer, out _) ? buffer : null;
    }

    private void Transfer(GuestBuffer buffer, FakeBufferShape shape, FakeCallShape call)
    {
        Begun++;
        exchange.Reset();
        GuestSlice slice = buffer.Slice(shape.Offset, shape.Length);
        Span<byte> data = buffer.Span.Slice(shape.Offset, shape.Length);
        for (int i = 0; i < data.Length; i++)
        {
            data[i] = (byte)((i * 31) ^ (i >> 8) ^ Begun);
        }

        byte[] before = data.ToArray();
        VmmLookup lookup = _vmm.TryGetFunction(exchange.NameOf(call.Technique));
        if (!lookup.IsFound)
        {
            return;
        }

        Passing passing = call.Technique switch
        {
            FakeTechnique.Virtual => Passing.Virtual,
            FakeTechnique.Contiguous => Passing.Contiguous,
            FakeTechnique.PageByPage => Passing.PageByPage,
            _ => Passing.FrameList,
        };
        TransferResult result = lookup.Function.TryTransfer(slice, passing, call.Direction, FakeHandlers.Rule, FakeExchange.Options(call.Direction));
        if (result.IsCompleted)
        {
            Completed++;
            exchange.Claim(before, buffer.Span.Slice(shape.Offset, shape.Length), call.Direction);
        }
    }

    private void Add()
    {
        if (_vmm.TryGetFunction("add") is not { IsFound: true, Function: { } add })
        {
            return;
        }

        HypercallRegisters registers = new() { Rax = add.Number, Rbx = 1000, Rcx = 200, Rdx = 30 };
        if (machine.Channel.TryInvoke(ref registers).IsCompleted && registers.Rax <= 2000 && registers.Rax != add.Number)
        {
            Assert.Equal(1230ul, registers.Rax);
        }
    }

    private void ReadStatus()
    {
        VmmStatusReport report = new VmmStatusClient(_vmm).TryGetStatus();
        if (report.Outcome == VmmStatusOutcome.Available)
        {
            Assert.Equal(StatusText, report.Text);
        }
    }
}
