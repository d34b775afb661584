using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Terminal;

namespace Hypercall.Cli.Sending;

/// <summary>
/// The bytes to hand over: of a file whose length is known, or of anything else that can be read, which is kept until its end is.
/// </summary>
internal sealed class Payload
{
    private const int ChunkSize = 1 << 20;

    private readonly string _name;
    private readonly Queue<byte[]> _chunks = [];

    private Payload(string name) => _name = name;

    /// <summary>How many bytes, 1 and more.</summary>
    public long Length { get; private set; }

    /// <summary>Finds the mistakes that show without reading, so that the VMM is asked for nothing.</summary>
    /// <exception cref="UsageException">There is no such file, or it is none.</exception>
    public static void Check(string file)
    {
        string? mistake = file switch
        {
            "" => "The name of the file to hand over is empty.",
            "-" => null,
            _ when Directory.Exists(file) => $"'{file}' cannot be read: it is a directory. Name a file, or - for standard input.",
            _ when !File.Exists(file) => $"'{file}' cannot be read: there is no such file, seen from '{Environment.CurrentDirectory}'.",
            _ => null,
        };
        if (mistake is not null)
        {
            throw new UsageException(mistake);
        }
    }

    /// <summary>Finds out how many bytes there are; reads them, where nothing else tells.</summary>
    /// <exception cref="UsageException">There are none, or they cannot be read.</exception>
    public static async Task<Payload> ReadAsync(string file, CliHost host, CancellationToken cancellationToken)
    {
        Payload payload = new(file);
        try
        {
            long known = file == "-" ? 0 : new FileInfo(file) is { Exists: true } info ? info.Length : 0; // a pipe, or a file of /proc, says 0
            payload.Length = known;
            if (known == 0)
            {
                using Stream input = file == "-" ? new PatientInput(host.OpenInput(), ChunkSize) : File.OpenRead(file);
                await payload.KeepAsync(input, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(file, e);
        }

        return payload.Length > 0
            ? payload
            : throw new UsageException($"{NameOf(file)} is empty: there is nothing to hand over.");
    }

    /// <summary>Puts all bytes into a buffer of their length. Once.</summary>
    /// <exception cref="UsageException">The file became shorter or longer, or cannot be read.</exception>
    public async Task CopyToAsync(GuestBuffer buffer, CancellationToken cancellationToken)
    {
        long done = 0;
        while (_chunks.TryDequeue(out byte[]? chunk)) // each is given back as soon as it is copied
        {
            cancellationToken.ThrowIfCancellationRequested();
            chunk.CopyTo(buffer.AsMemory(done, chunk.Length));
            done += chunk.Length;
        }

        if (done == Length)
        {
            return;
        }

        try
        {
            using FileStream file = File.OpenRead(_name);
            while (done < Length)
            {
                Memory<byte> piece = buffer.AsMemory(done, (int)Math.Min(ChunkSize, Length - done));
                await file.ReadExactlyAsync(piece, cancellationToken).ConfigureAwait(false);
                done += piece.Length;
            }

            if (file.ReadByte() >= 0)
            {
                throw new UsageException($"{NameOf(_name)} grew while it was read: hand over a copy that nobody writes to.");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) // EndOfStreamException, too
        {
            throw Unreadable(_name, e);
        }
    }

    private static UsageException Unreadable(string file, Exception cause) => new($"{NameOf(file)} cannot be read: {cause.Message}", cause);

    /// <summary>How messages call a file.</summary>
    public static string NameOf(string file) => file == "-" ? "Standard input" : $"'{file}'";

    private async Task KeepAsync(Stream input, CancellationToken cancellationToken)
    {
        byte[] chunk = new byte[ChunkSize];
        int read;
        while ((read = await input.ReadAtLeastAsync(chunk, ChunkSize, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false)) > 0)
        {
            _chunks.Enqueue(chunk[..read]);
            Length += read;
        }
    }
}
