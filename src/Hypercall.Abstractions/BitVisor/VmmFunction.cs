namespace Hypercall.BitVisor;

/// <summary>A function of the VMM that was found by name. Safe to call from any number of threads.</summary>
public sealed class VmmFunction
{
    private readonly IHypercallChannel _channel;

    internal VmmFunction(IHypercallChannel channel, string name, ulong number)
    {
        _channel = channel;
        Name = name;
        Number = number;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Its number, 1 to 127, until the VMM is replaced.</summary>
    public ulong Number { get; }

    /// <summary>Calls the function with up to five arguments.</summary>
    /// <param name="rbx">First argument.</param>
    /// <param name="rcx">Second argument.</param>
    /// <param name="rdx">Third argument.</param>
    /// <param name="rsi">Fourth argument.</param>
    /// <param name="rdi">Fifth argument.</param>
    /// <returns>The registers after the call.</returns>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the instruction.</exception>
    public VmmCallResult Call(ulong rbx = 0, ulong rcx = 0, ulong rdx = 0, ulong rsi = 0, ulong rdi = 0)
    {
        HypercallStatus status = TryCall(out VmmCallResult result, rbx, rcx, rdx, rsi, rdi);
        return status.IsCompleted ? result : throw new HypercallFaultException(status.Fault);
    }

    /// <summary>Calls the function with up to five arguments.</summary>
    /// <param name="result">The registers after the call; when the call faulted, as they went in.</param>
    /// <param name="rbx">First argument.</param>
    /// <param name="rcx">Second argument.</param>
    /// <param name="rdx">Third argument.</param>
    /// <param name="rsi">Fourth argument.</param>
    /// <param name="rdi">Fifth argument.</param>
    /// <returns>Completed, or the fault.</returns>
    public HypercallStatus TryCall(
        out VmmCallResult result, ulong rbx = 0, ulong rcx = 0, ulong rdx = 0, ulong rsi = 0, ulong rdi = 0)
    {
        HypercallRegisters registers = new() { Rbx = rbx, Rcx = rcx, Rdx = rdx, Rsi = rsi, Rdi = rdi };
        HypercallStatus status = TryCall(ref registers);
        result = new VmmCallResult(Number, registers);
        return status;
    }

    /// <summary>Calls the function with a whole frame, whose RAX is set to the function's number.</summary>
    /// <param name="registers">The frame, in and out.</param>
    /// <returns>Completed, or the fault.</returns>
    public HypercallStatus TryCall(ref HypercallRegisters registers)
    {
        registers.Rax = Number;
        return _channel.TryInvoke(ref registers);
    }

    /// <summary>The name and the number.</summary>
    public override string ToString() => $"{Name} ({Number})";
}
