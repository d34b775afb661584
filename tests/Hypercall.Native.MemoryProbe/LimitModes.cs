using System.Globalization;
using System.Reflection.Emit;
using System.Runtime.InteropServices;

namespace Hypercall.Native.MemoryProbe;

/// <summary>What memory does where the kernel kills who takes too much.</summary>
internal static unsafe partial class LimitModes
{
    private const nint MapFailed = -1;
    private static readonly NativeGuestMemory Memory = new();

    /// <summary>Runs the mode that the first argument names, if it names one.</summary>
    public static bool TryRun(string[] args)
    {
        long[] numbers = [.. args.Skip(1).TakeWhile(arg => char.IsAsciiDigit(arg[0])).Select(arg => long.Parse(arg, CultureInfo.InvariantCulture))];
        if (args.Contains("--no-io-uring"))
        {
            Restrictions.BlockIoUring();
        }

        switch (args.FirstOrDefault())
        {
            case "--ask":
                Ask(numbers[0]);
                break;
            case "--window":
                Window(numbers[0], numbers[1]);
                break;
            case "--many":
                Many(numbers[0], numbers[1], Enum.Parse<Residency>(args[3]), Enum.Parse<Residency>(args[4]));
                break;
            case "--threads":
                Threads((int)numbers[0], numbers[1]);
                break;
            case "--contiguous":
                Report("contiguous", new GuestBufferOptions { Residency = Residency.Touched, Contiguity = Contiguity.Contiguous }, numbers[0]);
                Report("scattered", new GuestBufferOptions { Residency = Residency.Touched }, numbers[0]);
                break;
            case "--query":
                _ = Memory.TryQueryPages(new GuestVirtualAddress(0x1000_0000), numbers[0], out _, out GuestMemoryRefusal? refusal);
                Report("query", null, refusal);
                break;
            default:
                return false;
        }

        UseTheRuntime();
        Console.WriteLine("end: reached");
        return true;
    }

    // Every residency, as a buffer and as a window onto memory that nobody touched yet; and each once more, and smaller.
    private static void Ask(long length)
    {
        foreach (Residency residency in Enum.GetValues<Residency>())
        {
            GuestBufferOptions options = new() { Residency = residency };
            Report($"buffer-{residency}", options, length);
            Report($"next-best-{residency}", new GuestBufferOptions { Residency = residency, AllowFallback = true }, length);
            nint untouched = Map(length);
            bool done = untouched == MapFailed;
            if (!done)
            {
                done = Memory.TryOpenWindow(new GuestVirtualAddress((ulong)untouched), length, options, out GuestBuffer? window, out GuestMemoryRefusal? refusal);
                Report($"window-{residency}", window, refusal);
                window?.Dispose();
                _ = MUnmap(untouched, (nuint)length);
            }

            Report($"small-{residency}", options, 40_000);
        }
    }

    // A window onto memory that is there already, most of what there is; then some buffer.
    private static void Window(long length, long buffer)
    {
        nint memory = Map(length);
        NativeMemory.Fill((void*)memory, (nuint)length, 1);
        bool done = Memory.TryOpenWindow(
            new GuestVirtualAddress((ulong)memory), length, new GuestBufferOptions { Residency = Residency.Locked }, out GuestBuffer? window, out GuestMemoryRefusal? refusal);
        Report("window", window, refusal);
        Report("buffer", new GuestBufferOptions { Residency = Residency.Touched }, buffer);
        window?.Dispose();
    }

    // Buffers of one size until one is refused, the residencies by turns; before, so many mappings that are nobody's business.
    private static void Many(long length, long mappings, Residency even, Residency odd)
    {
        nint burnt = Map(Math.Max(mappings, 1) * 4096);
        for (long page = 0; page < mappings; page += 2)
        {
            _ = MProtect(burnt + (nint)(page * 4096), 4096, 1 /* PROT_READ */);
        }

        List<GuestBuffer> buffers = [];
        GuestMemoryRefusal? refusal = null;
        while (buffers.Count < 150_000
            && Memory.TryAllocate(
                length, new GuestBufferOptions { Residency = buffers.Count % 2 == 0 ? even : odd }, out GuestBuffer? buffer, out refusal))
        {
            buffers.Add(buffer);
        }

        Console.WriteLine($"buffers: {buffers.Count}");
        Report("many", null, refusal);
        UseTheRuntime();
        Console.WriteLine($"mappings: {File.ReadLines("/proc/self/maps").Count()}");

        // Every other one: what the kernel had merged comes apart.
        for (int i = 0; i < buffers.Count; i += 2)
        {
            buffers[i].Dispose();
        }

        UseTheRuntime();
        Console.WriteLine($"mappings-of-half: {File.ReadLines("/proc/self/maps").Count()}");
        buffers.ForEach(buffer => buffer.Dispose());
    }

    // All at the same moment: together they ask for more than there is.
    private static void Threads(int count, long length)
    {
        using Barrier start = new(count);
        using Barrier end = new(count);
        int granted = 0;
        GuestMemoryRefusal? last = null;
        Thread[] threads = [.. Enumerable.Range(0, count).Select(_ => new Thread(() =>
        {
            start.SignalAndWait();
            bool done = Memory.TryAllocate(length, new GuestBufferOptions { Residency = Residency.Locked }, out GuestBuffer? buffer, out GuestMemoryRefusal? refusal);
            _ = done ? Interlocked.Increment(ref granted) : 0;
            last = refusal ?? last;
            end.SignalAndWait();
            buffer?.Dispose();
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Console.WriteLine($"granted: {granted}");
        Report("refused", null, last);
    }

    private static void Report(string what, GuestBufferOptions options, long length)
    {
        _ = Memory.TryAllocate(length, options, out GuestBuffer? buffer, out GuestMemoryRefusal? refusal);
        Report(what, buffer, refusal);
        buffer?.Dispose();
    }

    private static void Report(string what, GuestBuffer? buffer, GuestMemoryRefusal? refusal) => Console.WriteLine(
        $"{what}: " + (buffer is not null ? $"{buffer.Residency} {buffer.Contiguity}" : refusal is not null ? $"{refusal.Reason} limit={refusal.Limit} needed={refusal.Needed} | {refusal.Message}" : "none"));

    // What ends a process that has no mapping, or no memory, left: new code, a collection, threads.
    private static void UseTheRuntime()
    {
        for (int i = 0; i < 50; i++)
        {
            DynamicMethod method = new($"Fresh{i}", typeof(int), [typeof(int)]);
            ILGenerator code = method.GetILGenerator();
            code.Emit(OpCodes.Ldarg_0);
            code.Emit(OpCodes.Ldc_I4, i);
            code.Emit(OpCodes.Add);
            code.Emit(OpCodes.Ret);
            _ = method.CreateDelegate<Func<int, int>>()(i);
        }

        Thread[] threads = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() => GC.KeepAlive(new byte[100_000])))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        GC.Collect();
    }

    private static nint Map(long length) => MMap(0, (nuint)length, 3 /* PROT_READ | PROT_WRITE */, 0x22 /* MAP_PRIVATE | MAP_ANONYMOUS */, -1, 0);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint MMap(nint address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int MUnmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int MProtect(nint address, nuint length, int protection);
}
