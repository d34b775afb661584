using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Hypercall;
using Hypercall.Testing;
using static NyxAgent.NyxAbi;

namespace NyxAgent;

/// <summary>The fuzzer's side, on a fake VMM: it hands over inputs, and notes what the agent does.</summary>
public sealed class FakeFuzzer(params byte[][] inputs)
{
    private ulong _payload;
    private int _next;

    /// <summary>What the agent called, in its order.</summary>
    public List<string> Calls { get; } = [];

    /// <summary>What the agent asked for.</summary>
    public AgentConfig Agent { get; private set; }

    /// <summary>What is offered.</summary>
    public HostConfig Host { get; set; } =
        new() { Magic = HostMagic, Version = HostVersion, BitmapBytes = 1 << 16, PayloadBytes = 1 << 12 };

    /// <summary>Serves the calls on a machine.</summary>
    /// <param name="fake">The machine.</param>
    public FakeMachine AddTo(FakeMachine fake)
    {
        ArgumentNullException.ThrowIfNull(fake);
        return fake
            .On(HypercallConvention.Nyx, Acquire, _ => Calls.Add("acquire"))
            .On(HypercallConvention.Nyx, Release, _ => Calls.Add("release"))
            .On(HypercallConvention.Nyx, UserSubmitMode, call => Calls.Add($"mode {call.Argument(0)}"))
            .On(HypercallConvention.Nyx, GetHostConfig, call =>
            {
                HostConfig host = Host;
                ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<HostConfig>(in host));
                Note("host config", call.TryWriteVirtual(new GuestVirtualAddress(call.Argument(0)), bytes, out _));
            })
            .On(HypercallConvention.Nyx, SetAgentConfig, call =>
            {
                byte[] agent = new byte[Unsafe.SizeOf<AgentConfig>()];
                Note("agent config", call.TryReadVirtual(new GuestVirtualAddress(call.Argument(0)), agent, out _));
                Agent = MemoryMarshal.Read<AgentConfig>(agent);
            })
            .On(HypercallConvention.Nyx, GetPayload, call =>
            {
                _payload = call.Argument(0);
                Calls.Add("payload");
            })
            .On(HypercallConvention.Nyx, NextPayload, call =>
            {
                byte[] input = inputs[_next++ % inputs.Length];
                byte[] filled = [0, 0, 0, 0, .. input];
                BinaryPrimitives.WriteInt32LittleEndian(filled, input.Length);
                Note("next", call.TryWriteVirtual(new GuestVirtualAddress(_payload), filled, out _));
            });
    }

    private void Note(string what, bool isDone) => Calls.Add(isDone ? what : what + ": a page was absent");
}
