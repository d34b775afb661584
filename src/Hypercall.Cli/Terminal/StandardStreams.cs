using Hypercall.Cli.Interop;

namespace Hypercall.Cli.Terminal;

/// <summary>
/// Standard input, output and error, where the process was born with them. Where it was not, .NET's own pipes and files have
/// taken their numbers by the time <c>Main</c> runs: a read would wait for ever, and a write would go into the runtime, or be
/// lost.
/// </summary>
internal static class StandardStreams
{
    private const int Input = 0;
    private const int Output = 1;
    private const int Error = 2;

    public static Stream OpenInput() => IsOurs(Input) ? Console.OpenStandardInput() : new ClosedStream();

    public static Stream OpenOutput() => Open(Output);

    /// <summary>Standard output as text, in the encoding of whoever reads it.</summary>
    public static TextWriter CreateOut() => Create(Output, !Console.IsOutputRedirected);

    /// <summary>Standard error as text.</summary>
    public static TextWriter CreateError() => Create(Error, !Console.IsErrorRedirected);

    /// <summary>Whether results can be written anywhere.</summary>
    public static bool HasOutput => IsOurs(Output);

    private static StreamWriter Create(int file, bool isTerminal) => new(Open(file), TerminalEncoding.Of(isTerminal)) { AutoFlush = true };

    private static Stream Open(int file) =>
        !IsOurs(file) ? new ClosedStream()
        : OperatingSystem.IsLinux() ? new StandardOutput(file, mayLose: file == Error)
        : file == Output ? Console.OpenStandardOutput()
        : Console.OpenStandardError();

    /// <summary>
    /// Whether the file of this number came with the process. One with FD_CLOEXEC did not: exec would have closed it (execve(2)).
    /// </summary>
    private static bool IsOurs(int file)
    {
        if (!OperatingSystem.IsLinux())
        {
            return true;
        }

        int flags = Libc.FileControl(file, Libc.GetDescriptorFlags);
        return flags >= 0 && (flags & Libc.CloseOnExec) == 0;
    }
}
