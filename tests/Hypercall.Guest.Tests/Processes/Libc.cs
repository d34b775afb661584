using System.Runtime.InteropServices;

namespace Hypercall.Guest.Tests.Processes;

/// <summary>What .NET has no name for.</summary>
internal static partial class Libc
{
    public const int SigKill = 9;
    public const int SigTerm = 15;

    /// <summary>kill(2): a signal to a process, or with a negative number to a process group.</summary>
    /// <param name="process">Which one.</param>
    /// <param name="signal">Which signal.</param>
    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int process, int signal);

    /// <summary>posix_openpt(3): a new pseudo-terminal.</summary>
    /// <param name="flags">As open(2) has them.</param>
    [LibraryImport("libc", EntryPoint = "posix_openpt", SetLastError = true)]
    public static partial int OpenTerminal(int flags);

    [LibraryImport("libc", EntryPoint = "grantpt", SetLastError = true)]
    public static partial int GrantTerminal(int terminal);

    [LibraryImport("libc", EntryPoint = "unlockpt", SetLastError = true)]
    public static partial int UnlockTerminal(int terminal);

    [LibraryImport("libc", EntryPoint = "ptsname", SetLastError = true)]
    public static partial nint NameOfTerminal(int terminal);
}
