using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Hypercall;
using static NyxAgent.NyxAbi;

namespace NyxAgent;

/// <summary>An agent in the guest of a kAFL- or Nyx-like fuzzer: the handshake, then one input after the other.</summary>
/// <remarks>
/// <code>
///   once:             ACQUIRE   RELEASE   USER_SUBMIT_MODE   GET_HOST_CONFIG   SET_AGENT_CONFIG   GET_PAYLOAD
///   for each input:   NEXT_PAYLOAD   ACQUIRE   target   RELEASE
/// </code>
/// </remarks>
public sealed class FuzzAgent(IHypercallMachine machine) : IDisposable
{
    private GuestBuffer? _payload;

    /// <summary>What the fuzzer offers, and where its inputs will be.</summary>
    /// <exception cref="ForeignVmmException">This is a VMM of another kind: KVM refused the call.</exception>
    /// <exception cref="InvalidOperationException">No fuzzer answered, or one of another version.</exception>
    public HostConfig Shake()
    {
        _ = Call(Acquire);
        _ = Call(Release);
        _ = Call(UserSubmitMode, Mode64);
        HostConfig host = default;
        Exchange(GetHostConfig, ref host, Direction.FromVmm);
        if (host.Magic != HostMagic || host.Version != HostVersion)
        {
            throw new InvalidOperationException(
                $"No fuzzer of version {HostVersion} answered: magic 0x{host.Magic:x}, version {host.Version}. "
                + "A VMM that ignores the call leaves both 0.");
        }

        if (host.PayloadBytes is 0 or > 1 << 30)
        {
            throw new InvalidOperationException($"The fuzzer's inputs would be of {host.PayloadBytes} bytes.");
        }

        AgentConfig agent = new()
        {
            Magic = AgentMagic,
            Version = AgentVersion,
            NonReloadMode = 1,
            CoverageBitmapBytes = host.BitmapBytes,
        };
        Exchange(SetAgentConfig, ref agent, Direction.ToVmm);

        // The VMM keeps the address and fills the buffer at any time: it stays in its frames.
        _payload?.Dispose();
        GuestBufferOptions pinned = new() { Residency = Residency.Pinned, AllowFallback = true };
        _payload = machine.Memory.Allocate(host.PayloadBytes, pinned);
        _payload.Touch();
        _ = Call(GetPayload, _payload.Address.Value);
        return host;
    }

    /// <summary>Takes one input, runs the target on it, and says that it is done.</summary>
    /// <param name="target">What is fuzzed.</param>
    public void RunOnce(Action<ReadOnlyMemory<byte>> target)
    {
        ArgumentNullException.ThrowIfNull(target);
        GuestBuffer payload = _payload ?? throw new InvalidOperationException("Shake first.");
        _ = Call(NextPayload);
        int length = BinaryPrimitives.ReadInt32LittleEndian(payload.Span); // kAFL_payload: int32 size, then the data
        _ = Call(Acquire);
        target(payload.AsMemory(sizeof(int), Math.Clamp(length, 0, (int)payload.Length - sizeof(int))));
        _ = Call(Release);
    }

    public void Dispose() => _payload?.Dispose();

    private HypercallResult Call(ulong number, ulong argument = 0) =>
        new HypercallFunction(machine, HypercallConvention.Nyx, number).Call(argument);

    // A struct by its virtual address in the one argument: in memory that the VMM finds present.
    private void Exchange<T>(ulong number, ref T value, Direction direction)
        where T : unmanaged
    {
        GuestBufferOptions locked = new() { Residency = Residency.Locked, AllowFallback = true };
        using GuestBuffer buffer = machine.Memory.Allocate(Marshal.SizeOf<T>(), locked);
        buffer.Touch();
        MemoryMarshal.Write(buffer.Span, in value);
        HypercallFunction function = new(machine, HypercallConvention.Nyx, number, layout: TransferLayout.Address(0));
        _ = function.Transfer(buffer, Passing.Virtual, direction, TransferRule.CompletedMeansAll); // Nyx says nothing of bytes
        value = MemoryMarshal.Read<T>(buffer.Span);
    }
}
