namespace Hypercall.Native;

/// <summary>IN or OUT by DX: the port is the channel's, and everything else the caller's.</summary>
internal sealed class PortChannel(IHypercallChannel inner, ushort port) : IHypercallChannel
{
    public RegisterSet Carries => inner.Carries;

    public RegisterSet Returns => inner.Returns;

    public IReadOnlyList<KeyValuePair<RegisterField, ulong>> Constants { get; } = ConstantsOf(port);

    /// <summary>DX, which holds the port.</summary>
    public static IReadOnlyList<KeyValuePair<RegisterField, ulong>> ConstantsOf(ushort port) =>
        [new(new RegisterField(GeneralRegister.Rdx, 0, 16), port)];

    public HypercallStatus TryInvoke(ref HypercallRegisters registers)
    {
        ulong given = registers.Rdx;
        registers.Rdx = (given & ~(ulong)ushort.MaxValue) | port;
        HypercallStatus status = inner.TryInvoke(ref registers);
        if (!status.IsCompleted)
        {
            registers.Rdx = given;
        }

        return status;
    }
}
