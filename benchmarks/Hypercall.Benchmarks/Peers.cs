using System.Runtime.InteropServices;

namespace Hypercall.Benchmarks;

/// <summary>The C programs of benchmarks/peers, compiled by gcc when this project is built. Each loops in C.</summary>
internal static unsafe partial class Peers
{
    private const string Library = "hypercall_peers";

    [LibraryImport(Library, EntryPoint = "peer_exchange")]
    public static partial void Exchange(HypercallRegisters* frame, nint count);

    [LibraryImport(Library, EntryPoint = "peer_exchange_many")]
    public static partial void ExchangeMany(HypercallRegisters* frames, nint count);

    [LibraryImport(Library, EntryPoint = "peer_guarded_exchange")]
    public static partial void GuardedExchange(HypercallRegisters* frame, nint count);

    /// <summary>Nothing catches a fault: the host is known to answer, or the process dies.</summary>
    [LibraryImport(Library, EntryPoint = "peer_vm_exits")]
    public static partial void VmExits(HypercallRegisters* frame, nint count, nint isAmd, nint isDirty);

    [LibraryImport(Library, EntryPoint = "peer_touched_memory")]
    public static partial void* TouchedMemory(nint pages);

    [LibraryImport(Library, EntryPoint = "peer_free_memory")]
    public static partial void FreeMemory(void* start, nint pages);

    [LibraryImport(Library, EntryPoint = "peer_translate")]
    public static partial nint Translate(void* start, nint pages);

    [LibraryImport(Library, EntryPoint = "peer_translate_textbook")]
    public static partial nint TranslateTextbook(void* start, nint pages);

    [LibraryImport(Library, EntryPoint = "peer_map_and_lock")]
    public static partial nint MapAndLock(nint bytes, nint count);

    /// <summary>A peer that could not do its work has no time worth comparing.</summary>
    public static void Check(nint result)
    {
        if (result != 0)
        {
            throw new InvalidOperationException("The peer in C failed: page frames need root, and locking needs room in RLIMIT_MEMLOCK.");
        }
    }
}
