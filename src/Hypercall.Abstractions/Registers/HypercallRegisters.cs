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

    /// <summary>Value of RAX.</summary>
    public ulong Rax { readonly get; set; }

    /// <summary>Value of RCX.</summary>
    public ulong Rcx { readonly get; set; }

    /// <summary>Value of RDX.</summary>
    public ulong Rdx { readonly get; set; }

    /// <summary>Value of RBX.</summary>
    public ulong Rbx { readonly get; set; }

    /// <summary>Value of RBP.</summary>
    public ulong Rbp { readonly get; set; }

    /// <summary>Value of RSI.</summary>
    public ulong Rsi { readonly get; set; }

    /// <summary>Value of RDI.</summary>
    public ulong Rdi { readonly get; set; }

    /// <summary>Value of R8.</summary>
    public ulong R8 { readonly get; set; }

    /// <summary>Value of R9.</summary>
    public ulong R9 { readonly get; set; }

    /// <summary>Value of R10.</summary>
    public ulong R10 { readonly get; set; }

    /// <summary>Value of R11.</summary>
    public ulong R11 { readonly get; set; }

    /// <summary>Value of R12.</summary>
    public ulong R12 { readonly get; set; }

    /// <summary>Value of R13.</summary>
    public ulong R13 { readonly get; set; }

    /// <summary>Value of R14.</summary>
    public ulong R14 { readonly get; set; }

    /// <summary>Value of R15.</summary>
    public ulong R15 { readonly get; set; }

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
        readonly get => register switch
        {
            GeneralRegister.Rax => Rax,
            GeneralRegister.Rcx => Rcx,
            GeneralRegister.Rdx => Rdx,
            GeneralRegister.Rbx => Rbx,
            GeneralRegister.Rbp => Rbp,
            GeneralRegister.Rsi => Rsi,
            GeneralRegister.Rdi => Rdi,
            GeneralRegister.R8 => R8,
            GeneralRegister.R9 => R9,
            GeneralRegister.R10 => R10,
            GeneralRegister.R11 => R11,
            GeneralRegister.R12 => R12,
            GeneralRegister.R13 => R13,
            GeneralRegister.R14 => R14,
            GeneralRegister.R15 => R15,
            _ => throw NoSuchRegister(register),
        };
        set
        {
            switch (register)
            {
                case GeneralRegister.Rax: Rax = value; break;
                case GeneralRegister.Rcx: Rcx = value; break;
                case GeneralRegister.Rdx: Rdx = value; break;
                case GeneralRegister.Rbx: Rbx = value; break;
                case GeneralRegister.Rbp: Rbp = value; break;
                case GeneralRegister.Rsi: Rsi = value; break;
                case GeneralRegister.Rdi: Rdi = value; break;
                case GeneralRegister.R8: R8 = value; break;
                case GeneralRegister.R9: R9 = value; break;
                case GeneralRegister.R10: R10 = value; break;
                case GeneralRegister.R11: R11 = value; break;
                case GeneralRegister.R12: R12 = value; break;
                case GeneralRegister.R13: R13 = value; break;
                case GeneralRegister.R14: R14 = value; break;
                case GeneralRegister.R15: R15 = value; break;
                default: throw NoSuchRegister(register);
            }
        }
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

    /// <summary>A register by its place in the layout, without a jump for each: the jump is what a VM exit leaves cold.</summary>
    internal readonly ulong Word(int index) => MemoryMarshal.Cast<HypercallRegisters, ulong>(new ReadOnlySpan<HypercallRegisters>(in this))[index];

    /// <summary>A register by its place in the layout.</summary>
    internal static ref ulong Word(ref HypercallRegisters registers, int index) =>
        ref MemoryMarshal.Cast<HypercallRegisters, ulong>(new Span<HypercallRegisters>(ref registers))[index];

    private static ReadOnlySpan<byte> AsBytes(ref readonly HypercallRegisters registers) =>
        MemoryMarshal.AsBytes(new ReadOnlySpan<HypercallRegisters>(in registers));

    private static ArgumentOutOfRangeException NoSuchRegister(GeneralRegister register) =>
        new(nameof(register), register, "A hypercall frame holds RAX, RCX, RDX, RBX, RBP, RSI, RDI and R8 to R15.");
}
