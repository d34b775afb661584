using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Output;

namespace Hypercall.Cli.Sending;

/// <summary>
/// Where what came back goes. Opened before the VMM is called, so that nothing comes back that cannot be kept; written only after
/// all went well.
/// </summary>
internal sealed class Destination : IDisposable
{
    private const int ChunkSize = 1 << 20;

    private readonly string _name;
    private readonly Stream _stream;
    private readonly string? _created; // the file that is there only because of us
    private bool _isWritten;

    private Destination(string name, Stream stream, string? created)
    {
        _name = name;
        _stream = stream;
        _created = created;
    }

    /// <exception cref="UsageException">The file cannot be written.</exception>
    public static Destination Open(string file, CliHost host)
    {
        if (file == "-")
        {
            return new Destination(OutputException.StandardOutput, host.OpenOutput(), created: null);
        }

        if (file.Length == 0 || Directory.Exists(file))
        {
            throw new UsageException(file.Length == 0 ? "The name after --out is empty." : $"'{file}' cannot be written: it is a directory. Name a file, or - for standard output.");
        }

        try
        {
            bool isThere = File.Exists(file);
            return new Destination($"'{file}'", new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0), isThere ? null : file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"'{file}' cannot be written: {e.Message}", e);
        }
    }

    /// <param name="buffer">The bytes.</param>
    /// <param name="whatIsDone">What the VMM did, should they be lost.</param>
    /// <exception cref="OutputException">It cannot be written: a full disk, a pipe that nobody reads any more.</exception>
    public void Write(GuestBuffer buffer, string whatIsDone)
    {
        try
        {
            if (_stream.CanSeek && _stream.Length > 0) // a device has no length, and cannot be cut
            {
                _stream.SetLength(0);
            }

            for (long done = 0; done < buffer.Length; done += ChunkSize)
            {
                _stream.Write(buffer.AsMemory(done, (int)Math.Min(ChunkSize, buffer.Length - done)).Span);
            }

            _stream.Flush();
        }
        catch (Exception e) when (OutputException.IsBrokenStream(e))
        {
            throw new OutputException(_name, e, whatIsDone);
        }

        _isWritten = true;
    }

    public void Dispose()
    {
        try
        {
            _stream.Dispose();
        }
        finally
        {
            if (!_isWritten && _created is not null)
            {
                File.Delete(_created);
            }
        }
    }
}
