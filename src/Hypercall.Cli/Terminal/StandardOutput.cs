using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Hypercall.Cli.Interop;

namespace Hypercall.Cli.Terminal;

/// <summary>
/// Standard output or error, as Linux has it. .NET's own stream for the console takes a pipe without a reader for success, and a
/// <see cref="FileStream"/> writes to a file at an offset of its own, over what the next program of a script appends.
/// </summary>
/// <param name="file">The number of the file.</param>
/// <param name="mayLose">Whether what cannot be written is dropped: messages are, for an exit code says most of it.</param>
[SupportedOSPlatform("linux")]
internal sealed class StandardOutput(int file, bool mayLose) : Stream
{
    private const int Interrupted = 4; // EINTR, include/uapi/asm-generic/errno-base.h
    private const int Again = 11;      // EAGAIN: somebody who shares the pipe made it non-blocking

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override unsafe void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            nint written;
            fixed (byte* bytes = buffer)
            {
                written = Libc.Write(file, bytes, (nuint)buffer.Length);
            }

            if (written >= 0)
            {
                buffer = buffer[(int)written..];
                continue;
            }

            int error = Marshal.GetLastPInvokeError();
            if (mayLose && error is not Again and not Interrupted)
            {
                return;
            }

            if (error == Again)
            {
                Libc.PollEntry entry = new() { File = file, Events = Libc.PollOut };
                _ = Libc.Poll(&entry, 1, -1);
            }
            else if (error != Interrupted)
            {
                throw new IOException(Marshal.GetPInvokeErrorMessage(error), error);
            }
        }
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
