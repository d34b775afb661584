namespace Hypercall.Testing;

/// <summary>The name that a VMM gives itself in one of CPUID's leaves for hypervisors (EBX, ECX, EDX).</summary>
/// <remarks>
/// <code>
/// 0x40000000  "Microsoft Hv"     a VMM that speaks two languages has one range of leaves for each
/// 0x40000100  "KVMKVMKVM"
/// </code>
/// </remarks>
public sealed class FakeCpuidSignature
{
    /// <summary>The first leaf that is for hypervisors (Intel SDM vol. 2A, CPUID; AMD APM vol. 3, section E.4).</summary>
    public const uint FirstLeaf = 0x4000_0000;

    private const uint LastLeaf = 0x4000_FF00; // Linux, arch/x86/include/asm/cpuid/api.h, cpuid_base_hypervisor: steps of 0x100
    private const uint Step = 0x100;
    private const int MaxLength = 12;

    /// <summary>Describes a signature.</summary>
    /// <param name="leaf">The leaf: 0x40000000, 0x40000100, ... 0x4000ff00.</param>
    /// <param name="text">The name: 1 to 12 printable characters of ASCII, no blank at an end.</param>
    /// <param name="maxLeaf">The highest leaf of the range (EAX).</param>
    /// <exception cref="ArgumentException">The text is no signature.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The leaf is none that can hold one, or the highest leaf is below
    /// it.</exception>
    public FakeCpuidSignature(uint leaf, string text, uint maxLeaf)
    {
        if (leaf is < FirstLeaf or > LastLeaf || leaf % Step != 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(leaf), leaf, "A signature stands in leaf 0x40000000, 0x40000100, ... 0x4000ff00.");
        }

        ArgumentException.ThrowIfNullOrEmpty(text);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLeaf, leaf);
        ThrowIfNoSignature(text, nameof(text));
        if (text.Trim() != text)
        {
            throw new ArgumentException("A signature has no blank at an end: a reader takes it for padding.", nameof(text));
        }

        Leaf = leaf;
        Text = text;
        MaxLeaf = maxLeaf;
    }

    /// <summary>The leaf.</summary>
    public uint Leaf { get; }

    /// <summary>The name.</summary>
    public string Text { get; }

    /// <summary>The highest leaf of the range.</summary>
    public uint MaxLeaf { get; }

    /// <summary>Both in words: <c>KVMKVMKVM at 0x40000100</c>.</summary>
    public override string ToString() => $"{Text} at 0x{Leaf:x}";

    internal static void ThrowIfNoSignature(string text, string argument)
    {
        if (text.Length > MaxLength || !text.All(c => c is >= ' ' and <= '~'))
        {
            throw new ArgumentException(
                $"A hypervisor signature has at most {MaxLength} printable characters; '{text}' has {text.Length}.", argument);
        }
    }
}
