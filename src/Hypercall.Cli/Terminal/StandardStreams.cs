using Hypercall.Cli.Interop;

namespace Hypercall.Cli.Terminal;

/// <summary>
/// Standard input, output and error, where the process was born with them. Where it was not, .NET's own pipes and files have taken their
/// numbers by the time <c>Main</c> runs: a read would wait for ever, and a write would go into the runtime, or be lost.
/// </summary>
internal static class StandardStreams
{
    private const int Input = 0;
    private const int Output = 1;
    private const int Error = 2;

    public static Stream OpenInput() => IsOurs(Input) ? Console.OpenStandardInput() : new ClosedStream();

    public static Stream OpenOutput() => IsOurs(Output) ? Console.OpenStandardOutput() : new ClosedStream();

    public static TextWriter Out => IsOurs(Output) ? Console.Out : Closed();

    public static TextWriter Err => IsOurs(Error) ? Console.Error : Closed();

    /// <summary>Whether the file of this number came with the process. One with FD_CLOEXEC did not: exec would have closed it (execve(2)).</summary>
    private static bool IsOurs(int file)
    {
        if (!OperatingSystem.IsLinux())
        {
            return true;
        }

        int flags = Libc.FileControl(file, Libc.GetDescriptorFlags);
        return flags >= 0 && (flags & Libc.CloseOnExec) == 0;
    }

    private static StreamWriter Closed() => new(new ClosedStream()) { AutoFlush = true };
}
