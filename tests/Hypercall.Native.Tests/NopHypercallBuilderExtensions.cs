namespace Hypercall.Native.Tests;

internal static class NopHypercallBuilderExtensions
{
    public static IHypercallBuilder AddNop(this IHypercallBuilder builder) => builder.AddNativeProvider<NopProvider>();
}
