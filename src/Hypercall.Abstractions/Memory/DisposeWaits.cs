using System.Collections.Immutable;

namespace Hypercall;

/// <summary>
/// Which threads wait in <see cref="GuestBuffer.Dispose()"/>, and for which buffer: who would close a circle is refused before it
/// waits.
/// </summary>
/// <remarks>
/// <code>
///   thread 1 --waits to dispose--> buffer B --is used by--> thread 2 --waits to dispose--> buffer A --is used by--> thread 1
/// </code>
/// A buffer that is being disposed takes no further calls, so a circle can only be closed by a thread that begins to wait, and
/// that one looks.
/// </remarks>
internal static class DisposeWaits
{
    private static ImmutableDictionary<int, GuestBuffer> waits = ImmutableDictionary<int, GuestBuffer>.Empty;

    /// <summary>Held while a thread looks and begins to wait; taken before the gate of any buffer.</summary>
    public static object Gate { get; } = new();

    /// <summary>Whether a thread waits in Dispose at this moment.</summary>
    /// <param name="thread">Its managed id.</param>
    public static bool IsWaiting(int thread) => Volatile.Read(ref waits).ContainsKey(thread);

    /// <summary>Whether one of the threads waited for waits for the asking thread, itself or through others.</summary>
    /// <param name="thread">The thread that is about to wait.</param>
    /// <param name="holders">Those that it would wait for.</param>
    public static bool WouldNeverEnd(int thread, IEnumerable<int> holders)
    {
        Stack<int> open = new(holders);
        HashSet<int> seen = [];
        while (open.TryPop(out int holder))
        {
            if (holder == thread)
            {
                return true;
            }

            if (seen.Add(holder) && Volatile.Read(ref waits).TryGetValue(holder, out GuestBuffer? buffer))
            {
                foreach (int next in buffer.WaitedFor())
                {
                    open.Push(next);
                }
            }
        }

        return false;
    }

    public static void Begin(int thread, GuestBuffer buffer) => _ = ImmutableInterlocked.TryAdd(ref waits, thread, buffer);

    // Takes no lock: a thread that was interrupted could not take one.
    public static void End(int thread) => _ = ImmutableInterlocked.TryRemove(ref waits, thread, out _);
}
