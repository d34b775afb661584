using Hypercall.Cli.CommandLine;

namespace Hypercall.Cli.Terminal;

/// <summary>
/// Standard input whose reader can give up: a read of a terminal or a pipe blocks until something comes, whatever becomes of the
/// reader.
/// </summary>
/// <param name="inner">Where bytes come from.</param>
/// <param name="atOnce">How many bytes are read ahead. With 1, what the reader does not want stays for the next program.</param>
/// <param name="endKey">A byte that stands for the end of the input; null for none.</param>
internal sealed class PatientInput(Stream inner, int atOnce, byte? endKey = null) : Stream
{
    // One read is under way at most. A reader that gave up leaves it, and what it finds, to the next one.
    private readonly byte[] _found = new byte[atOnce];
    private Task<int>? _reading;
    private int _taken;

    /// <summary>Whether anybody got anything of it.</summary>
    public bool HasGiven { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <exception cref="UsageException">It cannot be read.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }

        _reading ??= Task.Run(() => inner.Read(_found, 0, _found.Length), CancellationToken.None);
        int found;
        try
        {
            found = await _reading.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"Standard input cannot be read: {e.Message}", e); // an error of what is written looks the same further out
        }

        if (found == 0 || (found == 1 && _found[0] == endKey))
        {
            return 0; // and so it stays: the end does not go away
        }

        HasGiven = true;
        int count = Math.Min(buffer.Length, found - _taken);
        _found.AsSpan(_taken, count).CopyTo(buffer.Span);
        _taken += count;
        if (_taken == found)
        {
            (_reading, _taken) = (null, 0);
        }

        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
