using System.Globalization;

namespace Hypercall;

/// <summary>How a result register says that a call failed.</summary>
public sealed class HypercallFailureRule
{
    private const long HighestErrno = 4095; // MAX_ERRNO, Linux include/linux/err.h: no errno lies beyond

    private readonly Func<ulong, bool> _isFailure;
    private readonly Func<ulong, string> _describe;

    /// <summary>Makes a rule.</summary>
    /// <param name="description">The rule in a few words, for people: <c>any value but 0</c>.</param>
    /// <param name="isFailure">Whether a value of the result register means failure.</param>
    public HypercallFailureRule(string description, Func<ulong, bool> isFailure)
        : this(description, isFailure, value => string.Create(CultureInfo.InvariantCulture, $"0x{value:x} ({description})"))
    {
    }

    private HypercallFailureRule(string description, Func<ulong, bool> isFailure, Func<ulong, string> describe)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(description);
        ArgumentNullException.ThrowIfNull(isFailure);
        Description = description;
        _isFailure = isFailure;
        _describe = describe;
    }

    /// <summary>No value means failure: only the function's own client can tell.</summary>
    public static HypercallFailureRule Never { get; } = new("no value", _ => false);

    /// <summary>A negated errno, -4095 to -1, as Linux and its hypervisors give it.</summary>
    public static HypercallFailureRule NegativeErrno { get; } = new(
        "a negative errno, -4095 to -1",
        value => (long)value is >= -HighestErrno and < 0,
        value => string.Create(CultureInfo.InvariantCulture, $"{(long)value} (a negative errno)"));

    /// <summary>A Hyper-V status, the low 16 bits, other than HV_STATUS_SUCCESS (0).</summary>
    public static HypercallFailureRule HyperVStatus { get; } = new(
        "a status in bits 15:0 other than 0",
        value => (ushort)value != 0,
        value => string.Create(CultureInfo.InvariantCulture, $"HV_STATUS 0x{(ushort)value:x4}"));

    /// <summary>The rule in a few words.</summary>
    public string Description { get; }

    /// <summary>Whether a value of the result register means failure.</summary>
    /// <param name="value">The value.</param>
    public bool IsFailure(ulong value) => _isFailure(value);

    /// <summary>A value that means failure, in words.</summary>
    /// <param name="value">The value.</param>
    public string Describe(ulong value) => _describe(value);

    /// <inheritdoc/>
    public override string ToString() => Description;
}
