using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using Hypercall.Native.Interop;
using Hypercall.Tests;

namespace Hypercall.Native.FaultStress;

/// <summary>A plug-in host: several AssemblyLoadContexts, each with its own copy of the library.</summary>
internal static class CopiesMode
{
    public static int Stress(int calls)
    {
        Copy[] copies = [new(), new()];
        int[] results = new int[copies.Length];
        Thread[] threads = [.. copies.Select((copy, i) => new Thread(() => results[i] = copy.Call(nameof(Entry.Stress), 4, calls)))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        return results.Max();
    }

    /// <summary>A registration takes the handler away from all; first is asked the copy that came first, or last.</summary>
    public static int SurviveRegistration(bool firstIsAskedFirst)
    {
        PosixSignalRegistration registration = PosixSignalRegistration.Create((PosixSignal)Libc.SigIll, _ => { });
        Copy[] copies = [new(), new(), new()];
        Array.ForEach(copies, copy => copy.ExpectFaults());
        registration.Dispose();
        Array.ForEach(copies, copy => copy.Call(nameof(Entry.WaitForLook)));
        foreach (Copy copy in firstIsAskedFirst ? copies : copies.Reverse())
        {
            copy.ExpectFaults();
        }

        Console.WriteLine($"{CountPages()} pages of handlers and stubs");
        return CrashModes.CrashElsewhere("ud2", isGuarded: false);
    }

    /// <summary>
    /// Of three copies the first, which installed the guard, goes; the others go on, also when the guard is taken away.
    /// </summary>
    public static int OutliveTheFirst()
    {
        PosixSignalRegistration registration = PosixSignalRegistration.Create((PosixSignal)Libc.SigIll, _ => { });
        WeakReference first = UseAndUnload();
        Copy second = new(), third = new();
        second.ExpectFaults();
        bool isGone = IsCollected(first);
        registration.Dispose();
        second.Call(nameof(Entry.WaitForLook));
        second.ExpectFaults();
        third.ExpectFaults();
        Console.WriteLine(isGone ? "the first is gone, the others go on" : "THE FIRST IS STILL THERE");
        return isGone ? 0 : 1;
    }

    /// <summary>Loads and unloads many: nothing is left of them.</summary>
    public static int Reload(int count)
    {
        _ = IsCollected(UseAndUnload());
        int before = CountPages();
        WeakReference[] all = [.. Enumerable.Range(0, count).Select(_ => UseAndUnload())];
        int alive = all.Count(one => !IsCollected(one));
        Console.WriteLine($"{alive} of {count} contexts alive, {CountPages() - before} pages more");
        return alive;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference UseAndUnload()
    {
        Copy copy = new();
        copy.ExpectFaults();
        copy.Unload();
        return new WeakReference(copy);
    }

    private static bool IsCollected(WeakReference context) => SpinWait.SpinUntil(
        () =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return !context.IsAlive;
        },
        LastResort.Bound); // a look's timer holds it for 100 ms

    private static int CountPages() => SharedPages.Count("handler pages") + SharedPages.Count("stub pages");

    private sealed class Copy() : AssemblyLoadContext(null, isCollectible: true)
    {
        private readonly AssemblyDependencyResolver _resolver = new(Program());

        public int Call(string method, params object[] arguments)
        {
            Type entry = LoadFromAssemblyPath(Program()).GetType(typeof(Entry).FullName!)!; // a field for it would hold the context for ever
            return entry.GetMethod(method, BindingFlags.Public | BindingFlags.Static)!.Invoke(null, arguments) as int? ?? 0;
        }

        public void ExpectFaults()
        {
            (int invalid, int load, int nullReference) = (Call(nameof(Entry.Fault), 0), Call(nameof(Entry.Fault), 1), Call(nameof(Entry.Null)));
            if ((invalid, load, nullReference) != ((int)CpuFaultKind.InvalidOpcode, (int)CpuFaultKind.PageFault, 42))
            {
                throw new InvalidOperationException($"Expected 1, 3 and 42, got {invalid}, {load} and {nullReference}.");
            }
        }

        protected override Assembly? Load(AssemblyName assemblyName) =>
            _resolver.ResolveAssemblyToPath(assemblyName) is { } path ? LoadFromAssemblyPath(path) : null;

        private static string Program() => Path.Combine(AppContext.BaseDirectory, "Hypercall.Native.FaultStress.dll");
    }
}
