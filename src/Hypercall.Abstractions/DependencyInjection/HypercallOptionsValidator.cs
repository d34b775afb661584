using Microsoft.Extensions.Options;

namespace Hypercall;

internal sealed class HypercallOptionsValidator(IEnumerable<IHypercallProvider> providers) : IValidateOptions<HypercallOptions>
{
    public ValidateOptionsResult Validate(string? name, HypercallOptions options)
    {
        IHypercallProvider[] all = [.. providers];
        if (options.Provider is not { } named || all.Length == 0)
        {
            return ValidateOptionsResult.Success; // with no provider there is a fake, or an error of its own
        }

        return all.Any(provider => provider.Name.Equals(named, StringComparison.OrdinalIgnoreCase))
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(
                $"HypercallOptions.Provider is '{named}'. The registered providers are: {string.Join(", ", all.Select(provider => provider.Name))}.");
    }
}
