using Microsoft.Extensions.Options;

namespace Hypercall;

internal sealed class HypercallOptionsValidator(IEnumerable<IHypercallProvider> providers) : IValidateOptions<HypercallOptions>
{
    public ValidateOptionsResult Validate(string? name, HypercallOptions options)
    {
        IHypercallProvider[] all = [.. providers];
        if (options.Instruction is not { } forced || all.Length == 0)
        {
            return ValidateOptionsResult.Success; // with no provider there is a fake, or an error of its own
        }

        return all.Any(provider => provider.Instruction.Mnemonic.Equals(forced, StringComparison.OrdinalIgnoreCase))
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(
                $"HypercallOptions.Instruction is '{forced}'. The registered providers have: {string.Join(", ", all.Select(provider => provider.Instruction.Mnemonic))}.");
    }
}
