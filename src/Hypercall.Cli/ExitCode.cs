namespace Hypercall.Cli;

/// <summary>What the process tells its caller. The numbers are a promise to scripts: see <see cref="ExitCodes"/>.</summary>
internal enum ExitCode
{
    Done = 0,
    Refused = 1,
    Usage = 2,
    Faulted = 3,
    ForeignVmm = 4,
    Unsupported = 5,
    MemoryRefused = 6,
    Untrusted = 7,
    Internal = 70,   // EX_SOFTWARE of sysexits.h
    OutputLost = 74, // EX_IOERR, as well
    Cancelled = 130, // 128 + SIGINT, as shells report it
    ReaderGone = 141, // 128 + SIGPIPE, as shells report a program that it ends
}
