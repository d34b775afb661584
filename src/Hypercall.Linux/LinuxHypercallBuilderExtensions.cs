using Hypercall.Linux;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Hypercall;

/// <summary>Registers the devices of a Linux guest's kernel.</summary>
public static class LinuxHypercallBuilderExtensions
{
    /// <summary>
    /// Makes hypercalls through the kernel module's <c>/dev/hypercall</c>, as provider <c>kernel-module</c>, and registers
    /// <see cref="KernelMemory"/>. Runs on the real machine unless another one is registered. Safe to call more than once. Beside
    /// another provider, name one in <see cref="HypercallOptions.Provider"/>.
    /// </summary>
    /// <param name="builder">The builder.</param>
    public static IHypercallBuilder AddKernelModule(this IHypercallBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddKeyedSingleton(builder.Key, static (_, _) => new KernelMemory());
        return builder.AddNativeProvider<KernelModuleProvider>();
    }

    /// <summary>
    /// Makes hypercalls of Xen's through <c>/dev/xen/privcmd</c>, as provider <c>xen-privcmd</c>, and registers
    /// <see cref="XenMemory"/>. Runs on the real machine unless another one is registered. Safe to call more than once. Beside
    /// another provider, name one in <see cref="HypercallOptions.Provider"/>.
    /// </summary>
    /// <param name="builder">The builder.</param>
    public static IHypercallBuilder AddXenPrivcmd(this IHypercallBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddKeyedSingleton(builder.Key, static (_, _) => new XenMemory());
        return builder.AddNativeProvider<XenPrivcmdProvider>();
    }
}
