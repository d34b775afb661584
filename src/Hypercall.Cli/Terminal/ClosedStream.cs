namespace Hypercall.Cli.Terminal;

/// <summary>A standard stream that a process was born without: every read and write fails, and says why.</summary>
internal sealed class ClosedStream : Stream
{
    public const string Message = "it was closed before this process began. Redirect it to a file, a pipe or /dev/null.";

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => throw new IOException(Message);

    public override void Write(byte[] buffer, int offset, int count) => throw new IOException(Message);

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
