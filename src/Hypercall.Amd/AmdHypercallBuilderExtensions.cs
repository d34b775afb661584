using Hypercall.Amd;

namespace Hypercall;

/// <summary>Registers AMD's VMMCALL.</summary>
public static class AmdHypercallBuilderExtensions
{
    /// <summary>
    /// Makes hypercalls by VMMCALL where CPUID says AuthenticAMD or HygonGenuine. Safe to call more than once.
    /// </summary>
    /// <param name="builder">The builder.</param>
    public static IHypercallBuilder AddAmd(this IHypercallBuilder builder) => builder.AddNativeProvider<AmdProvider>();
}
