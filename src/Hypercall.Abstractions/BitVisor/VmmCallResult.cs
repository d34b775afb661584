namespace Hypercall.BitVisor;

/// <summary>All registers that a VMM function left behind. What they mean, only the function's own client knows.</summary>
/// <param name="Number">The number that was called.</param>
/// <param name="Registers">The 15 registers after the call.</param>
public readonly record struct VmmCallResult(ulong Number, HypercallRegisters Registers)
{
    /// <summary>The result register.</summary>
    public ulong Rax => Registers.Rax;

    /// <summary>RBX after the call; unchanged unless the function writes it.</summary>
    public ulong Rbx => Registers.Rbx;

    /// <summary>RCX after the call; unchanged unless the function writes it.</summary>
    public ulong Rcx => Registers.Rcx;

    /// <summary>RDX after the call; unchanged unless the function writes it.</summary>
    public ulong Rdx => Registers.Rdx;

    /// <summary>RSI after the call; unchanged unless the function writes it.</summary>
    public ulong Rsi => Registers.Rsi;

    /// <summary>RDI after the call; unchanged unless the function writes it.</summary>
    public ulong Rdi => Registers.Rdi;

    /// <summary>
    /// Whether RAX still holds the number that was called. That may be no result at all (<c>log_set_buf</c>), a refusal
    /// (<c>get_status</c> when it is disabled), or a result that happens to be equal.
    /// </summary>
    public bool RaxIsCallNumber => Rax == Number;
}
