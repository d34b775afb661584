namespace Hypercall;

/// <summary>
/// What a call gave: all registers, and what its convention says of them. What else they mean, only the function's own client
/// knows.
/// </summary>
public struct HypercallResult
{
    private HypercallRegisters _registers;

    /// <summary>Judges a frame.</summary>
    /// <param name="convention">The convention of the call.</param>
    /// <param name="number">The number that was called.</param>
    /// <param name="registers">The registers after the call.</param>
    public HypercallResult(HypercallConvention convention, ulong number, in HypercallRegisters registers)
    {
        ArgumentNullException.ThrowIfNull(convention);
        Convention = convention;
        Number = number;
        _registers = default;

        // One by one, as the stub stored them: the CPU forwards no store to a load of several, and the JIT copies 64 bytes at a
        // time.
        _registers.Rax = registers.Rax;
        _registers.Rcx = registers.Rcx;
        _registers.Rdx = registers.Rdx;
        _registers.Rbx = registers.Rbx;
        _registers.Rbp = registers.Rbp;
        _registers.Rsi = registers.Rsi;
        _registers.Rdi = registers.Rdi;
        _registers.R8 = registers.R8;
        _registers.R9 = registers.R9;
        _registers.R10 = registers.R10;
        _registers.R11 = registers.R11;
        _registers.R12 = registers.R12;
        _registers.R13 = registers.R13;
        _registers.R14 = registers.R14;
        _registers.R15 = registers.R15;
    }

    /// <summary>The convention that the call was made by.</summary>
    public HypercallConvention Convention { get; }

    /// <summary>The number that was called.</summary>
    public ulong Number { get; }

    /// <summary>The 15 registers after the call.</summary>
    public readonly HypercallRegisters Registers => _registers;

    /// <summary>The value of the convention's result.</summary>
    public readonly ulong Value => Convention.Result.Read(in _registers);

    /// <summary>Whether that value means failure, by the convention's rule.</summary>
    public readonly bool IsFailure => Convention.Failure.IsFailure(Value);

    /// <summary>The failure in words; null when the call did not fail.</summary>
    public readonly string? FailureMeaning => IsFailure ? Convention.Failure.Describe(Value) : null;

    /// <summary>
    /// Whether the registers before and after prove that a VMM of another convention answered. False proves nothing.
    /// </summary>
    public bool IsForeign { readonly get; internal set; }

    /// <summary>RAX after the call.</summary>
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
    /// Whether the number that was called still is where it went in. Where the result comes back there too, as in RAX, that may be
    /// no result at all, a refusal, or a result that happens to be equal.
    /// </summary>
    public readonly bool NumberCameBack => Convention.Number.Read(in _registers) == Number;
}
