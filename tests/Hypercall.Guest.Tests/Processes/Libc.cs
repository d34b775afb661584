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
}
