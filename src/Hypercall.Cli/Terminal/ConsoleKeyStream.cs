using System.Text;

namespace Hypercall.Cli.Terminal;

/// <summary>
/// The console's keys as bytes of UTF-8, not echoed; Enter is a line feed. Changes no mode that would have to be restored.
/// </summary>
internal sealed class ConsoleKeyStream : Stream
{
    private readonly Queue<byte> _bytes = [];

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count)
    {
        while (_bytes.Count == 0)
        {
            char key = Console.ReadKey(intercept: true).KeyChar;
            if (key != '\0') // an arrow or a function key has no character
            {
                Array.ForEach(Encoding.UTF8.GetBytes([key == '\r' ? '\n' : key]), _bytes.Enqueue);
            }
        }

        int read = 0;
        while (read < count && _bytes.TryDequeue(out byte next))
        {
            buffer[offset + read++] = next;
        }

        return read;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
