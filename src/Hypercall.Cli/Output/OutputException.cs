namespace Hypercall.Cli.Output;

/// <summary>
/// What was to be printed or kept is lost: the reader went away, the disk is full. Unlike bad usage it is found out when the VMM
/// has been called already.
/// </summary>
/// <param name="name">What cannot be written.</param>
/// <param name="cause">Why.</param>
/// <param name="done">A sentence on what the VMM did before; null when it did nothing that lasts.</param>
internal sealed class OutputException(string name, Exception cause, string? done = null) : Exception(Describe(name, cause, done), cause)
{
    /// <summary>The name of the stream on which nothing more is written once it failed.</summary>
    public const string StandardOutput = "Standard output";

    /// <summary>Begins the sentence on a call that was made.</summary>
    public const string CalledAnyway = "The VMM was called all the same: ";

    private const int BrokenPipe = 32;                              // EPIPE, include/uapi/asm-generic/errno-base.h; .NET hands errno on in HResult
    private const int WindowsBrokenPipe = unchecked((int)0x8007006D); // ERROR_BROKEN_PIPE, winerror.h
    private const int WindowsNoData = unchecked((int)0x800700E8);     // ERROR_NO_DATA: the pipe is being closed

    /// <summary>
    /// Whether it is the reader of a pipe that went away: where nothing else is to be told, no message is wanted then.
    /// </summary>
    public bool IsReaderGone { get; } = IsBrokenPipe(cause);

    public bool IsStandardOutput { get; } = name == StandardOutput;

    /// <summary>Whether there is anything to tell a person who closed the pipe.</summary>
    public bool IsSilent => IsReaderGone && done is null;

    /// <summary>
    /// Whether writing failed: a full disk, a pipe without a reader, or a stream that .NET says may not be written.
    /// </summary>
    public static bool IsBrokenStream(Exception error) => error is IOException or UnauthorizedAccessException;

    private static bool IsBrokenPipe(Exception cause) => cause.HResult is BrokenPipe or WindowsBrokenPipe or WindowsNoData;

    private static string Describe(string name, Exception cause, string? done) =>
        (IsBrokenPipe(cause) ? $"Nobody reads {char.ToLowerInvariant(name[0])}{name[1..]} any more ({cause.Message.TrimEnd('.')})." : $"{name} cannot be written: {cause.Message.TrimEnd('.')}.")
        + (done is null ? "" : $" {done}");
}
