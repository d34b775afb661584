using System.Buffers;

namespace Hypercall.Testing;

/// <summary>What one call took and gave: the pieces that were done, and not those that were only tried.</summary>
internal sealed class FakePieceRecord
{
    private readonly ArrayBufferWriter<byte> _received = new();
    private readonly ArrayBufferWriter<byte> _sent = new();

    public ReadOnlyMemory<byte> Received => _received.WrittenMemory;

    public ReadOnlyMemory<byte> Sent => _sent.WrittenMemory;

    /// <summary>Keeps what was read, before it is transformed in place.</summary>
    public void Stage(ReadOnlySpan<byte> read) => read.CopyTo(_received.GetSpan(read.Length));

    /// <summary>The piece is done.</summary>
    /// <param name="received">How many of the staged bytes.</param>
    /// <param name="sent">What was written.</param>
    public void Commit(int received, ReadOnlySpan<byte> sent)
    {
        _received.Advance(received);
        _sent.Write(sent);
    }
}
