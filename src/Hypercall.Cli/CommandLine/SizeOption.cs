using System.CommandLine;

namespace Hypercall.Cli.CommandLine;

/// <summary>An option that takes a number of bytes.</summary>
internal sealed class SizeOption : Option<long>
{
    public SizeOption(string name, string description, long defaultValue)
        : this(name, description, defaultValue, ByteSize.Describe(defaultValue).Replace(" ", "", StringComparison.Ordinal))
    {
    }

    /// <summary>An option without a number for a default: 0 stands for it.</summary>
    public SizeOption(string name, string description, string defaultInWords)
        : this(name, description, 0, defaultInWords)
    {
    }

    private SizeOption(string name, string description, long defaultValue, string defaultInWords)
        : base(name)
    {
        Description = $"{description}: {ByteSize.Forms}. [default: {defaultInWords}]";
        HelpName = "SIZE";
        Default = defaultValue;
        CustomParser = result =>
        {
            if (!ByteSize.TryParse(result.Tokens[0].Value, out long bytes, out string error))
            {
                result.AddError($"{name}: {error}");
            }

            return bytes;
        };
    }

    /// <summary>What holds when it is not given, in bytes. The description says it, in its unit.</summary>
    public long Default { get; }
}
