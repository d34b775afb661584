using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Hypercall;

/// <summary>
/// The 15 general registers other than RSP: all of them go into a hypercall, all of them come out of it.
/// </summary>
/// <remarks>
/// The layout is the emitted stub's contract, in the order in which the CPU numbers the registers:
/// <code>
/// offset  00   08   10   18   20   28   30   38  40  48   50   58   60   68   70   size 78 (120 bytes)
///         RAX  RCX  RDX  RBX  RBP  RSI  RDI  R8  R9  R10  R11  R12  R13  R14  R15
/// </code>
/// RSP is left out: it belongs to the program, and a VMM that changed it could not return to it.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
public struct HypercallRegisters : IEquatable<HypercallRegisters>
{
    /// <summary>How many registers a frame holds.</summary>
    public const int Count = 15;

    /// <summary>Size of a frame in bytes.</summary>
    public const int Size = Count * sizeof(ulong);

    private Words _words;

    /// <summary>Value of RAX.</summary>
    public ulong Rax { readonly get => _words[0]; set => _words[0] = value; }

    /// <summary>Value of RCX.</summary>
    public ulong Rcx { readonly get => _words[1]; set => _words[1] = value; }

    /// <summary>Value of RDX.</summary>
    public ulong Rdx { readonly get => _words[2]; set => _words[2] = value; }

    /// <summary>Value of RBX.</summary>
    public ulong Rbx { readonly get => _words[3]; set => _words[3] = value; }

    /// <summary>Value of RBP.</summary>
    public ulong Rbp { readonly get => _words[4]; set => _words[4] = value; }

    /// <summary>Value of RSI.</summary>
    public ulong Rsi { readonly get => _words[5]; set => _words[5] = value; }

    /// <summary>Value of RDI.</summary>
    public ulong Rdi { readonly get => _words[6]; set => _words[6] = value; }

    /// <summary>Value of R8.</summary>
    public ulong R8 { readonly get => _words[7]; set => _words[7] = value; }

    /// <summary>Value of R9.</summary>
    public ulong R9 { readonly get => _words[8]; set => _words[8] = value; }

    /// <summary>Value of R10.</summary>
    public ulong R10 { readonly get => _words[9]; set => _words[9] = value; }

    /// <summary>Value of R11.</summary>
    public ulong R11 { readonly get => _words[10]; set => _words[10] = value; }

    /// <summary>Value of R12.</summary>
    public ulong R12 { readonly get => _words[11]; set => _words[11] = value; }

    /// <summary>Value of R13.</summary>
    public ulong R13 { readonly get => _words[12]; set => _words[12] = value; }

    /// <summary>Value of R14.</summary>
    public ulong R14 { readonly get => _words[13]; set => _words[13] = value; }

    /// <summary>Value of R15.</summary>
    public ulong R15 { readonly get => _words[14]; set => _words[14] = value; }

    /// <summary>The registers of a frame in the order of its layout.</summary>
    public static ReadOnlySpan<GeneralRegister> All =>
    [
        GeneralRegister.Rax,
        GeneralRegister.Rcx,
        GeneralRegister.Rdx,
        GeneralRegister.Rbx,
        GeneralRegister.Rbp,
        GeneralRegister.Rsi,
        GeneralRegister.Rdi,
        GeneralRegister.R8,
        GeneralRegister.R9,
        GeneralRegister.R10,
        GeneralRegister.R11,
        GeneralRegister.R12,
        GeneralRegister.R13,
        GeneralRegister.R14,
        GeneralRegister.R15,
    ];

    /// <summary>One register, by name.</summary>
    /// <param name="register">Which register.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="register"/> is no register of a frame.</exception>
    public ulong this[GeneralRegister register]
    {
        readonly get => _words[IndexOf(register)];
        set => _words[IndexOf(register)] = value;
    }

    /// <summary>Whether two frames hold the same 15 values.</summary>
    /// <param name="left">One frame.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(HypercallRegisters left, HypercallRegisters right) => left.Equals(right);

    /// <summary>Whether two frames differ in at least one register.</summary>
    /// <param name="left">One frame.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(HypercallRegisters left, HypercallRegisters right) => !left.Equals(right);

    /// <inheritdoc/>
    public readonly bool Equals(HypercallRegisters other) => AsBytes(in this).SequenceEqual(AsBytes(in other));

    /// <inheritdoc/>
    public override readonly bool Equals(object? obj) => obj is HypercallRegisters other && Equals(other);

    /// <inheritdoc/>
    public override readonly int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(AsBytes(in this));
        return hash.ToHashCode();
    }

    /// <summary>All registers in hexadecimal, in the order of the layout: <c>RAX=0x1 RCX=0x0 ...</c>.</summary>
    public override readonly string ToString()
    {
        StringBuilder text = new();
        foreach (GeneralRegister register in All)
        {
            _ = text.Append(text.Length == 0 ? "" : " ").Append(register.ToString().ToUpperInvariant());
            _ = text.Append(System.Globalization.CultureInfo.InvariantCulture, $"=0x{this[register]:x}");
        }

        return text.ToString();
    }

    /// <summary>The value of a register by its place in the layout.</summary>
    internal readonly ulong Value(int index) => _words[index];

    /// <summary>A register by its place in the layout.</summary>
    [UnscopedRef]
    internal ref ulong Word(int index) => ref _words[index];

    /// <summary>The place of a register in the layout: the CPU's number, with RSP left out.</summary>
    internal static int IndexOf(GeneralRegister register) => register switch
    {
        >= GeneralRegister.Rax and <= GeneralRegister.Rbx => (int)register,
        >= GeneralRegister.Rbp and <= GeneralRegister.R15 => (int)register - 1,
        _ => throw new ArgumentOutOfRangeException(
            nameof(register), register, "A hypercall frame holds RAX, RCX, RDX, RBX, RBP, RSI, RDI and R8 to R15."),
    };

    private static ReadOnlySpan<byte> AsBytes(ref readonly HypercallRegisters registers) =>
        MemoryMarshal.AsBytes(new ReadOnlySpan<HypercallRegisters>(in registers));

    [InlineArray(Count)]
    private struct Words
    {
        private ulong _rax;
    }
}
