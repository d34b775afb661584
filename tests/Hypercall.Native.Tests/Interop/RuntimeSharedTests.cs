using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Tests.Interop;

/// <summary>What copies of the library in several AssemblyLoadContexts have in common.</summary>
public sealed class RuntimeSharedTests
{
    [Fact]
    public void All_copies_get_the_same_object()
    {
        string name = $"test {Guid.NewGuid()}";
        object here = RuntimeShared.GetOrAdd(name, 1, () => new List<string>());

        object there = AskACopy(name, 1, out WeakReference context);

        Assert.Same(here, there);
        Assert.True(IsCollected(context), "What is shared keeps the context alive.");
    }

    [Fact]
    public void What_an_unloaded_copy_made_stays()
    {
        string name = $"test {Guid.NewGuid()}";
        object there = AskACopy(name, 1, out WeakReference context);
        Assert.True(IsCollected(context), "What is shared keeps the context alive.");

        Assert.Same(there, RuntimeShared.GetOrAdd(name, 1, () => new List<string>()));
    }

    [Fact]
    public void Another_version_shares_nothing()
    {
        string name = $"test {Guid.NewGuid()}";

        Assert.NotSame(RuntimeShared.GetOrAdd(name, 1, () => new object()), RuntimeShared.GetOrAdd(name, 2, () => new object()));
    }

    [Fact]
    public void What_could_not_be_made_is_made_by_the_next_one()
    {
        string name = $"test {Guid.NewGuid()}";
        _ = Assert.Throws<InvalidOperationException>(() => RuntimeShared.GetOrAdd<object>(name, 1, () => throw new InvalidOperationException()));

        Assert.NotNull(RuntimeShared.GetOrAdd(name, 1, () => new object()));
    }

    [Fact]
    public void Of_many_threads_one_makes_it()
    {
        const int Threads = 8;
        string name = $"test {Guid.NewGuid()}";
        int made = 0;
        using Barrier start = new(Threads);
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(number => new Thread(() =>
        {
            start.SignalAndWait();
            _ = RuntimeShared.GetOrAdd<object>(name, 1, Make);
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        Assert.Equal(1, made);

        object Make()
        {
            made++;
            return new object();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static object AskACopy(string name, int version, out WeakReference weak)
    {
        AssemblyLoadContext context = new(name, isCollectible: true);
        weak = new WeakReference(context);
        Type copy = context.LoadFromAssemblyPath(typeof(RuntimeShared).Assembly.Location).GetType(typeof(RuntimeShared).FullName!)!;
        Assert.NotSame(typeof(RuntimeShared), copy);
        MethodInfo getOrAdd = copy.GetMethod(nameof(RuntimeShared.GetOrAdd), BindingFlags.Public | BindingFlags.Static)!;
        object made = getOrAdd.MakeGenericMethod(typeof(List<string>)).Invoke(null, [name, version, () => new List<string>()])!;
        context.Unload();
        return made;
    }

    private static bool IsCollected(WeakReference context)
    {
        for (int i = 0; i < 20 && context.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        return !context.IsAlive;
    }
}
