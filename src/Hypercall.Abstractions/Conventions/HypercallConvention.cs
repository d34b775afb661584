namespace Hypercall;

/// <summary>
/// A calling convention as data: which register carries the number, which the arguments and the result, and how the result
/// means failure.
/// </summary>
/// <example>
/// One's own, in one line:
/// <code>
/// HypercallConvention mine = new("mine", number: GeneralRegister.Rax, arguments: [GeneralRegister.Rbx, GeneralRegister.Rcx]);
/// </code>
/// </example>
public sealed partial class HypercallConvention
{
    /// <summary>Describes a convention.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="number">The register that carries the number of the call.</param>
    /// <param name="arguments">The registers that carry the arguments, in order.</param>
    /// <param name="result">The register that carries the result.</param>
    /// <param name="failure">How the result means failure; null for <see cref="HypercallFailureRule.Never"/>.</param>
    /// <param name="constants">Registers that hold the same value in every call, such as a magic number; null for none.</param>
    /// <param name="source">Where the convention is written down.</param>
    /// <exception cref="ArgumentException">A register is used twice.</exception>
    public HypercallConvention(
        string name,
        GeneralRegister number,
        IEnumerable<GeneralRegister> arguments,
        GeneralRegister result = GeneralRegister.Rax,
        HypercallFailureRule? failure = null,
        IEnumerable<KeyValuePair<GeneralRegister, ulong>>? constants = null,
        string source = "")
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(arguments);
        ArgumentNullException.ThrowIfNull(source);
        Name = name;
        Number = number;
        Arguments = [.. arguments];
        Result = result;
        Failure = failure ?? HypercallFailureRule.Never;
        Constants = [.. constants ?? []];
        Source = source;

        GeneralRegister[] inputs = [number, .. Arguments, .. Constants.Select(constant => constant.Key)];
        foreach (GeneralRegister register in inputs.Append(result))
        {
            _ = default(HypercallRegisters)[register]; // a value that is no register is refused here
        }

        if (inputs.GroupBy(register => register).FirstOrDefault(group => group.Skip(1).Any()) is { } twice)
        {
            throw new ArgumentException($"Convention '{name}' gives {twice.Key.ToString().ToUpperInvariant()} two meanings.", nameof(arguments));
        }
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The register that carries the number of the call.</summary>
    public GeneralRegister Number { get; }

    /// <summary>The registers that carry the arguments, in order.</summary>
    public IReadOnlyList<GeneralRegister> Arguments { get; }

    /// <summary>The register that carries the result.</summary>
    public GeneralRegister Result { get; }

    /// <summary>How the result means failure.</summary>
    public HypercallFailureRule Failure { get; }

    /// <summary>Registers that hold the same value in every call.</summary>
    public IReadOnlyList<KeyValuePair<GeneralRegister, ulong>> Constants { get; }

    /// <summary>Where the convention is written down.</summary>
    public string Source { get; }

    /// <summary>The frame of a call. Registers that carry nothing are 0.</summary>
    /// <param name="number">The number of the call.</param>
    /// <param name="arguments">The arguments, at most as many as <see cref="Arguments"/> has registers.</param>
    /// <exception cref="ArgumentException">There are too many arguments.</exception>
    public HypercallRegisters CreateFrame(ulong number, params ReadOnlySpan<ulong> arguments)
    {
        if (arguments.Length > Arguments.Count)
        {
            throw new ArgumentException(
                $"Convention '{Name}' carries {Arguments.Count} arguments ({string.Join(", ", Arguments).ToUpperInvariant()}); {arguments.Length} were given.", nameof(arguments));
        }

        HypercallRegisters registers = default;
        foreach ((GeneralRegister register, ulong value) in Constants)
        {
            registers[register] = value;
        }

        registers[Number] = number;
        for (int i = 0; i < arguments.Length; i++)
        {
            registers[Arguments[i]] = arguments[i];
        }

        return registers;
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
