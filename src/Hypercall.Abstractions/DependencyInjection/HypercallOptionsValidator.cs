using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Hypercall;

/// <summary>Holds the options of a machine against what is registered for it. Makes no machine.</summary>
/// <param name="provider">Gives the vendors' providers.</param>
/// <param name="services">What was registered.</param>
internal sealed class HypercallOptionsValidator(IServiceProvider provider, IServiceCollection services)
    : IValidateOptions<HypercallOptions>
{
    public ValidateOptionsResult Validate(string? name, HypercallOptions options)
    {
        string? key = string.IsNullOrEmpty(name) ? null : name;
        return MissingMachine.Find(services, key) switch
        {
            null => ValidateOptionsResult.Skip, // options of this name are nobody's
            MissingMachine => ValidateOptionsResult.Fail(MissingMachine.Message(key)),
            _ => ValidateInstruction([.. provider.GetKeyedServices<IHypercallProvider>(key)], options),
        };
    }

    private static ValidateOptionsResult ValidateInstruction(IHypercallProvider[] providers, HypercallOptions options)
    {
        if (options.Instruction is not { } forced || providers.Length == 0)
        {
            return ValidateOptionsResult.Success; // with no provider there is a fake
        }

        return providers.Any(provider => provider.Instruction.Mnemonic.Equals(forced, StringComparison.OrdinalIgnoreCase))
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(
                $"HypercallOptions.Instruction is '{forced}'. The registered providers have: "
                + $"{string.Join(", ", providers.Select(provider => provider.Instruction.Mnemonic))}.");
    }
}
