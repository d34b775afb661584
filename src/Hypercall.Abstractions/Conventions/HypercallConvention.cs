using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Hypercall;

/// <summary>
/// A calling convention as data: which bits of which registers carry the number, the arguments, constants and the result; how the
/// result means failure; and which answer only another VMM gives.
/// </summary>
/// <example>
/// One's own, in one line; and one with two values in a register:
/// <code>
/// HypercallConvention mine = new("mine", number: GeneralRegister.Rax, arguments: [GeneralRegister.Rbx, GeneralRegister.Rcx]);
/// HypercallConvention tsffs = new("TSFFS", number: new RegisterField(GeneralRegister.Rax, 16, 16), arguments: [GeneralRegister.Rdi, GeneralRegister.Rsi],
///     constants: [new(new RegisterField(GeneralRegister.Rax, 0, 16), 0x4711)]);
/// </code>
/// </example>
public sealed partial class HypercallConvention
{
    private readonly RegisterField[] _arguments;
    private readonly ForeignAnswer? _foreign;
    private readonly HypercallRegisters _constants;

    /// <summary>Describes a convention.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="number">Where the number of the call goes.</param>
    /// <param name="arguments">Where the arguments go, in order.</param>
    /// <param name="result">Where the result comes back; the default is RAX. It may be where something went in.</param>
    /// <param name="failure">How the result means failure; null for <see cref="HypercallFailureRule.Never"/>.</param>
    /// <param name="constants">What is the same in every call, such as a magic number; null for nothing.</param>
    /// <param name="layout">Which arguments hold memory in a transfer, where all its functions agree; null where they do not, and
    /// each says so itself.</param>
    /// <param name="foreign">Which answer proves that another VMM gave it; null where none does.</param>
    /// <param name="source">Where the convention is written down.</param>
    /// <exception cref="ArgumentException">A bit has two meanings.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A constant does not fit its field.</exception>
    public HypercallConvention(
        string name,
        RegisterField number,
        IEnumerable<RegisterField> arguments,
        RegisterField result = default,
        HypercallFailureRule? failure = null,
        IEnumerable<KeyValuePair<RegisterField, ulong>>? constants = null,
        TransferLayout? layout = null,
        ForeignAnswer? foreign = null,
        string source = "")
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(arguments);
        ArgumentNullException.ThrowIfNull(source);
        Name = name;
        Number = number;
        Arguments = _arguments = [.. arguments];
        Result = result;
        Failure = failure ?? HypercallFailureRule.Never;
        Constants = (KeyValuePair<RegisterField, ulong>[])[.. constants ?? []];
        Layout = layout;
        Source = source;
        _foreign = foreign;

        HypercallRegisters taken = default;
        foreach (RegisterField field in (RegisterField[])[number, .. _arguments, .. Constants.Select(constant => constant.Key)])
        {
            if ((taken[field.Register] & field.Mask) != 0)
            {
                throw new ArgumentException($"Convention '{name}' gives {field} two meanings.", nameof(arguments));
            }

            taken[field.Register] |= field.Mask;
        }

        foreach ((RegisterField field, ulong value) in Constants)
        {
            field.Write(ref _constants, value);
        }

        Layout?.ThrowIfUnfit(this);
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Where the number of the call goes.</summary>
    public RegisterField Number { get; }

    /// <summary>Where the arguments go, in order.</summary>
    public IReadOnlyList<RegisterField> Arguments { get; }

    /// <summary>Where the result comes back.</summary>
    public RegisterField Result { get; }

    /// <summary>How the result means failure.</summary>
    public HypercallFailureRule Failure { get; }

    /// <summary>What is the same in every call.</summary>
    public IReadOnlyList<KeyValuePair<RegisterField, ulong>> Constants { get; }

    /// <summary>Which arguments hold memory in a transfer; null where each function says so itself.</summary>
    public TransferLayout? Layout { get; }

    /// <summary>Where the convention is written down.</summary>
    public string Source { get; }

    /// <summary>
    /// What CPUID calls its VMM (<see cref="CpuIdentity.HypervisorSignature"/>); empty where that VMM names itself nowhere. It
    /// proves nothing: VMMs hide, and stand on each other.
    /// </summary>
    public IReadOnlyList<string> HypervisorSignatures { get; internal init; } = [];

    /// <summary>The frame of a call. Bits that carry nothing are 0. Allocates nothing.</summary>
    /// <param name="number">The number of the call.</param>
    /// <param name="arguments">The arguments, at most as many as <see cref="Arguments"/> has fields.</param>
    /// <exception cref="ArgumentException">There are too many arguments.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The number or an argument does not fit its field.</exception>
    public HypercallRegisters CreateFrame(ulong number, params ReadOnlySpan<ulong> arguments)
    {
        HypercallRegisters registers = default;
        Fill(ref registers, number, arguments);
        return registers;
    }

    /// <summary>
    /// Makes the frame of a call in place: to copy a frame that was just written word by word costs more than the call.
    /// </summary>
    internal void Fill(ref HypercallRegisters registers, ulong number, ReadOnlySpan<ulong> arguments)
    {
        registers = _constants;
        Number.Write(ref registers, number);
        Put(ref registers, arguments);
    }

    /// <summary>Puts arguments into a frame that holds the number and the constants.</summary>
    internal void Put(ref HypercallRegisters registers, ReadOnlySpan<ulong> arguments)
    {
        ReadOnlySpan<RegisterField> fields = _arguments;
        if (arguments.Length > fields.Length)
        {
            ThrowTooMany(arguments.Length);
        }

        for (int i = 0; i < arguments.Length; i++)
        {
            fields[i].Write(ref registers, arguments[i]);
        }
    }

    /// <summary>Puts the number and the constants into a frame that holds the arguments.</summary>
    internal void Address(ref HypercallRegisters registers, ulong number)
    {
        Number.Write(ref registers, number);
        foreach ((RegisterField field, ulong value) in (KeyValuePair<RegisterField, ulong>[])Constants)
        {
            field.Write(ref registers, value);
        }
    }

    /// <summary>Refuses a channel that does not carry what the convention needs.</summary>
    internal void ThrowIfNotCarried(IHypercallChannel channel)
    {
        RegisterSet carried = channel.Carries;
        foreach (RegisterField field in (RegisterField[])[Number, .. _arguments, .. Constants.Select(constant => constant.Key)])
        {
            if (!carried.Contains(field.Register))
            {
                throw new ArgumentException($"The convention '{Name}' needs {field}, and this channel does not carry it into the VMM; it carries {carried}. Use another channel.", nameof(channel));
            }
        }

        if (channel.NumberRegister is { } number && (Number.Register != number || Number.Shift != 0))
        {
            throw new ArgumentException(
                $"The convention '{Name}' has its number in {Number}, and this channel takes {(RegisterField)number} for it: it "
                + "would call something else. Use another channel.",
                nameof(channel));
        }

        foreach ((RegisterField field, ulong value) in channel.Constants)
        {
            ThrowIfFilled(channel, field, value);
        }

        if (!channel.Returns.Contains(Result.Register))
        {
            throw new ArgumentException($"The convention '{Name}' answers in {Result}, and this channel does not bring it back; it brings {channel.Returns}. Use another channel.", nameof(channel));
        }
    }

    /// <summary>
    /// Whether the frames before and after a call prove that a VMM of another convention answered it. False proves nothing: a VMM
    /// that ignores a call often answers as this one might.
    /// </summary>
    /// <param name="sent">The frame that went in.</param>
    /// <param name="received">The frame that came out.</param>
    public bool IsForeign(in HypercallRegisters sent, in HypercallRegisters received) => _foreign is not null && _foreign(in sent, in received);

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>
    /// Whether the answer to a call proves that a VMM of another convention gave it. What was sent is made again, and only where
    /// something can be proven: few conventions can.
    /// </summary>
    internal bool ProvesForeign(ulong number, ReadOnlySpan<ulong> arguments, in HypercallRegisters received) =>
        _foreign is not null && CompareWithSent(number, arguments, in received);

    /// <summary>Whether a call that completed can be neither a failure nor another VMM's answer by this convention.</summary>
    internal bool JudgesNothing => _foreign is null && ReferenceEquals(Failure, HypercallFailureRule.Never);

    // Only a constant of the convention can be what the channel puts there.
    private void ThrowIfFilled(IHypercallChannel channel, RegisterField field, ulong value)
    {
        string? what = Number.Overlaps(field) ? "its number"
            : Array.Exists(_arguments, argument => argument.Overlaps(field)) ? "an argument"
            : null;
        foreach ((RegisterField own, ulong constant) in Constants)
        {
            if (own.Overlaps(field) && (((constant << own.Shift) ^ (value << field.Shift)) & own.Mask & field.Mask) != 0)
            {
                what = $"{own} = 0x{constant:x}";
            }
        }

        if (what is not null)
        {
            throw new ArgumentException(
                $"The convention '{Name}' puts {what} where this channel itself puts {field} = 0x{value:x}. "
                + "Use another channel, or a convention made for this one.",
                nameof(channel));
        }
    }

    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)] // a message needs a large frame, which every call would have to clear
    private void ThrowTooMany(int arguments) => throw new ArgumentException(
        $"Convention '{Name}' carries {_arguments.Length} arguments ({string.Join(", ", Arguments)}); {arguments} were given.", nameof(arguments));

    [MethodImpl(MethodImplOptions.NoInlining)] // a frame of its own, which every call would have to clear
    private bool CompareWithSent(ulong number, ReadOnlySpan<ulong> arguments, in HypercallRegisters received) =>
        IsForeign(CreateFrame(number, arguments), in received);
}
