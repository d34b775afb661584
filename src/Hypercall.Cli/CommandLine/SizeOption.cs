using System.CommandLine;

namespace Hypercall.Cli.CommandLine;

/// <summary>An option that takes a number of bytes.</summary>
internal sealed class SizeOption : Option<long>
{
    public SizeOption(string name, string description, long defaultValue)
        : base(name)
    {
        Description = $"{description}: {ByteSize.Forms}. [default: {ByteSize.Describe(defaultValue).Replace(" ", "", StringComparison.Ordinal)}]";
        HelpName = "SIZE";
        DefaultValueFactory = _ => defaultValue;
        CustomParser = result =>
        {
            if (!ByteSize.TryParse(result.Tokens[0].Value, out long bytes, out string error))
            {
                result.AddError($"{name}: {error}");
            }

            return bytes;
        };
    }
}
