using System.Diagnostics.CodeAnalysis;

namespace Hypercall.BitVisor;

/// <summary>All registers that a VMM function left behind. What they mean, only the function's own client knows.</summary>
/// <param name="Number">The number that was called.</param>
/// <param name="Registers">The 15 registers after the call.</param>
public record struct VmmCallResult(ulong Number, HypercallRegisters Registers)
{
    private ulong _number = Number;
    private HypercallRegisters _registers = Registers;

    /// <summary>The number that was called.</summary>
    public ulong Number
    {
        readonly get => _number;
        init => _number = value;
    }

    /// <summary>The 15 registers after the call.</summary>
    public HypercallRegisters Registers
    {
        readonly get => _registers;
        init => _registers = value;
    }

    /// <summary>The result register.</summary>
    public readonly ulong Rax => _registers.Rax;

    /// <summary>RBX after the call; unchanged unless the function writes it.</summary>
    public readonly ulong Rbx => _registers.Rbx;

    /// <summary>RCX after the call; unchanged unless the function writes it.</summary>
    public readonly ulong Rcx => _registers.Rcx;

    /// <summary>RDX after the call; unchanged unless the function writes it.</summary>
    public readonly ulong Rdx => _registers.Rdx;

    /// <summary>RSI after the call; unchanged unless the function writes it.</summary>
    public readonly ulong Rsi => _registers.Rsi;

    /// <summary>RDI after the call; unchanged unless the function writes it.</summary>
    public readonly ulong Rdi => _registers.Rdi;

    /// <summary>
    /// Whether RAX still holds the number that was called. That may be no result at all (<c>log_set_buf</c>), a refusal
    /// (<c>get_status</c> when it is disabled), or a result that happens to be equal.
    /// </summary>
    public readonly bool RaxIsCallNumber => Rax == _number;

    /// <summary>Where a call puts its registers: in place, for a frame is 120 bytes, and each copy of one costs more than the emitted stub.</summary>
    [UnscopedRef]
    internal ref HypercallRegisters Begin(ulong number)
    {
        _number = number;
        return ref _registers;
    }
}
