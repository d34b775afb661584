using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace Hypercall.Native.Tests.Memory;

/// <summary>A context with its own copy of the library, as a plug-in host makes them.</summary>
internal sealed class PluginContext() : AssemblyLoadContext(null, isCollectible: true)
{
    /// <summary>Calls a method of the probe's Plugin class.</summary>
    /// <param name="method">Its name.</param>
    /// <param name="arguments">Its arguments.</param>
    public object? Call(string method, params object[] arguments) =>
        LoadFromAssemblyName(new AssemblyName("Hypercall.Native.MemoryProbe")).GetType("Hypercall.Native.MemoryProbe.Plugin", throwOnError: true)!
            .GetMethod(method)!.Invoke(null, BindingFlags.DoNotWrapExceptions, null, arguments, null);

    /// <summary>Lets a context of its own do something, and unloads it without closing anything.</summary>
    /// <returns>The context, and what the last call returned.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static (WeakReference Context, object? Result) Once(params (string Method, object[] Arguments)[] calls)
    {
        PluginContext context = new();
        object? result = null;
        foreach ((string method, object[] arguments) in calls)
        {
            result = context.Call(method, arguments);
        }

        context.Unload();
        return (new WeakReference(context), result);
    }

    /// <summary>Waits until a context is gone; its finalizers have run then.</summary>
    public static void AwaitUnloaded(WeakReference context) => Host.Until(
        () =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return !context.IsAlive;
        },
        "the context was unloaded");

    protected override Assembly? Load(AssemblyName assemblyName) =>
        assemblyName.Name!.StartsWith("Hypercall.", StringComparison.Ordinal)
            ? LoadFromAssemblyPath(Path.Combine(AppContext.BaseDirectory, assemblyName.Name + ".dll"))
            : null;
}
