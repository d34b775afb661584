namespace Hypercall;

/// <summary>The instruction that leaves the guest: its name in the CPU manuals, and its bytes.</summary>
public sealed class HypercallInstruction
{
    /// <summary>The longest instruction that an x86 CPU executes, in bytes (Intel SDM vol. 2A, section 2.3.11).</summary>
    public const int MaxLength = 15;

    /// <summary>Describes an instruction.</summary>
    /// <param name="mnemonic">Its name, such as <c>VMCALL</c>. Names are compared without regard to case.</param>
    /// <param name="encoding">Its bytes, 1 to <see cref="MaxLength"/>. They are copied.</param>
    /// <exception cref="ArgumentException">The name is blank, or there are no bytes, or too many.</exception>
    public HypercallInstruction(string mnemonic, ReadOnlySpan<byte> encoding)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(mnemonic);
        if (encoding.Length is < 1 or > MaxLength)
        {
            throw new ArgumentException(
                $"The encoding of {mnemonic} has {encoding.Length} bytes; an x86 instruction has 1 to {MaxLength}.", nameof(encoding));
        }

        Mnemonic = mnemonic;
        Encoding = encoding.ToArray();
    }

    /// <summary>Its name, such as <c>VMCALL</c>.</summary>
    public string Mnemonic { get; }

    /// <summary>Its bytes, 1 to <see cref="MaxLength"/>.</summary>
    public ReadOnlyMemory<byte> Encoding { get; }

    /// <summary>The name and the bytes: <c>VMCALL (0F 01 C1)</c>.</summary>
    public override string ToString() => $"{Mnemonic} ({string.Join(' ', Encoding.ToArray().Select(b => b.ToString("X2", System.Globalization.CultureInfo.InvariantCulture)))})";
}
