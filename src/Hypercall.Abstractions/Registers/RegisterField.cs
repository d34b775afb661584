using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace Hypercall;

/// <summary>
/// Bits of a register that hold one value: a whole register, which converts to one by itself, or a part of one.
/// </summary>
/// <remarks>
/// <code>
///   RCX:  63........48 47....32 31........16 15.........0
///                                            [ number   ]    new RegisterField(GeneralRegister.Rcx, shift: 0, bits: 16)
///         [ everything else of Hyper-V's input value    ]    new RegisterField(GeneralRegister.Rcx, shift: 16, bits: 48)
/// </code>
/// The default value is all of RAX.
/// </remarks>
public readonly record struct RegisterField
{
    private const int RegisterBits = 64;

    private readonly byte _word; // of the frame
    private readonly byte _missing; // 64 less the bits

    /// <summary>Takes bits of a register.</summary>
    /// <param name="register">The register.</param>
    /// <param name="shift">The lowest bit, 0 to 63.</param>
    /// <param name="bits">How many bits, 1 to 64 - <paramref name="shift"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="register"/> is no register of a frame, or the bits leave
    /// it.</exception>
    public RegisterField(GeneralRegister register, int shift = 0, int bits = RegisterBits)
    {
        _word = (byte)HypercallRegisters.IndexOf(register); // a value that is no register is refused here
        ArgumentOutOfRangeException.ThrowIfNegative(shift);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(shift, RegisterBits);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bits);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, RegisterBits - shift);
        Register = register;
        Shift = shift;
        _missing = (byte)(RegisterBits - bits);
    }

    /// <summary>The register.</summary>
    public GeneralRegister Register { get; }

    /// <summary>The lowest bit.</summary>
    public int Shift { get; }

    /// <summary>How many bits.</summary>
    public int Bits => RegisterBits - _missing;

    /// <summary>The largest value that fits.</summary>
    public ulong MaxValue => ulong.MaxValue >> _missing;

    /// <summary>The bits of the register.</summary>
    internal ulong Mask => MaxValue << Shift;

    /// <summary>Whether a bit belongs to both.</summary>
    internal bool Overlaps(RegisterField other) => Register == other.Register && (Mask & other.Mask) != 0;

    /// <summary>A whole register.</summary>
    /// <param name="register">The register.</param>
    public static implicit operator RegisterField(GeneralRegister register) => FromGeneralRegister(register);

    /// <summary>A whole register.</summary>
    /// <param name="register">The register.</param>
    public static RegisterField FromGeneralRegister(GeneralRegister register) => new(register);

    /// <summary>The value in a frame.</summary>
    /// <param name="registers">The frame.</param>
    public ulong Read(in HypercallRegisters registers) => (registers.Value(_word) >> Shift) & MaxValue;

    /// <summary>Puts a value into a frame, and leaves the other bits of the register alone.</summary>
    /// <param name="registers">The frame.</param>
    /// <param name="value">The value, 0 to <see cref="MaxValue"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="value"/> does not fit.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)] // a call writes one for its number, and one for each argument
    public void Write(ref HypercallRegisters registers, ulong value)
    {
        ref ulong word = ref registers.Word(_word);
        if (_missing == 0)
        {
            word = value;
            return;
        }

        if (value > MaxValue)
        {
            ThrowTooLarge(value);
        }

        word = (word & ~Mask) | (value << Shift);
    }

    /// <summary>As the CPU's manuals write it: <c>RAX</c>, <c>RCX[15:0]</c>.</summary>
    public override string ToString()
    {
        string register = Register.ToString().ToUpperInvariant();
        return _missing == 0 ? register : string.Create(CultureInfo.InvariantCulture, $"{register}[{Shift + Bits - 1}:{Shift}]");
    }

    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)] // a message needs a large frame, which every call would have to clear
    private void ThrowTooLarge(ulong value) => throw new ArgumentOutOfRangeException(
        nameof(value), string.Create(CultureInfo.InvariantCulture, $"{this} holds {Bits} bits, at most 0x{MaxValue:x}; 0x{value:x} was given."));
}
