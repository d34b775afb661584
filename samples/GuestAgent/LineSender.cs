using System.Text;
using Hypercall;
using Hypercall.BitVisor;

namespace GuestAgent;

/// <summary>Sends lines to the VMM's log: each once, in their order, and keeps what could not be sent yet.</summary>
public sealed class LineSender(BitVisorClient vmm, IGuestMemory memory)
{
    private const int BatchBytes = 16 * 1024;
    private const int Attempts = 3;

    private readonly Queue<byte[]> _waiting = [];
    private ulong _sent;

    /// <summary>How many lines wait.</summary>
    public int Waiting => _waiting.Count;

    public void Add(string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        _waiting.Enqueue(Encoding.UTF8.GetBytes(line.ReplaceLineEndings(" ") + "\n"));
    }

    /// <summary>Sends what waits, as far as the VMM takes it.</summary>
    /// <returns>Why lines still wait; null if none does.</returns>
    public string? Flush()
    {
        while (_waiting.Count > 0)
        {
            if (SendBatch() is { } problem)
            {
                return problem;
            }
        }

        return null;
    }

    private string? SendBatch()
    {
        VmmLookup log = vmm.TryGetFunction(AgentAbi.LogFunction);
        if (!log.IsFound)
        {
            return log.Message;
        }

        (int lines, int bytes) = NextBatch();
        GuestBufferOptions options = new() { Residency = Residency.Locked, AllowFallback = true }; // it need not stay in its frame: it goes by virtual address
        if (!memory.TryAllocate(bytes, options, out GuestBuffer? buffer, out GuestMemoryRefusal? refusal))
        {
            return refusal.Message;
        }

        using (buffer)
        {
            int at = 0;
            foreach (byte[] line in _waiting.Take(lines))
            {
                line.CopyTo(buffer.Span[at..]);
                at += line.Length;
            }

            TransferResult result;
            int attempt = 0;
            do
            {
                // The VMM stops at a page that is absent, and counts nothing then: all of it again, with its pages touched.
                buffer.Touch();
                result = log.Function.TryTransfer(buffer, Passing.Virtual, Direction.ToVmm, AgentAbi.Rule, new TransferOptions { Words = [_sent] });
            }
            while (!result.IsCompleted && ++attempt < Attempts);

            if (!result.IsCompleted)
            {
                _ = vmm.Forget(AgentAbi.LogFunction); // its number may have changed
                return result.Message;
            }
        }

        for (int i = 0; i < lines; i++)
        {
            _ = _waiting.Dequeue();
        }

        _sent += (ulong)lines;
        return null;
    }

    private (int Lines, int Bytes) NextBatch()
    {
        int lines = 0;
        int bytes = 0;
        foreach (byte[] line in _waiting)
        {
            if (lines > 0 && bytes + line.Length > BatchBytes)
            {
                break;
            }

            lines++;
            bytes += line.Length;
        }

        return (lines, bytes);
    }
}
