using Hypercall.Intel;

namespace Hypercall;

/// <summary>Registers Intel's VMCALL.</summary>
public static class IntelHypercallBuilderExtensions
{
    /// <summary>
    /// Makes hypercalls by VMCALL where CPUID says GenuineIntel, CentaurHauls or Shanghai. Safe to call more than once.
    /// </summary>
    /// <param name="builder">The builder.</param>
    public static IHypercallBuilder AddIntel(this IHypercallBuilder builder) => builder.AddNativeProvider<IntelProvider>();
}
