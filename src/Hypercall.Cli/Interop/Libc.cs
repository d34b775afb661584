using System.Runtime.InteropServices;

namespace Hypercall.Cli.Interop;

/// <summary>
/// What the tool needs of Linux's libc. The layouts and numbers are the same in glibc and musl, on every architecture but a few
/// that .NET does not run on.
/// </summary>
internal static unsafe partial class Libc
{
    // include/uapi/asm-generic/termbits.h and termbits-common.h
    public const uint FlowControl = 0x400;     // IXON
    public const uint Canonical = 0x2;         // ICANON
    public const uint Echo = 0x8;              // ECHO
    public const uint EchoNewLine = 0x40;      // ECHONL
    public const uint ExtendedInput = 0x8000;  // IEXTEN
    public const int AtOnce = 0;               // TCSANOW

    // include/uapi/asm-generic/mman-common.h
    public const int ReadWrite = 3;            // PROT_READ | PROT_WRITE
    public const int PrivateAnonymous = 0x22;  // MAP_PRIVATE | MAP_ANONYMOUS
    public const int DontNeed = 4;             // MADV_DONTNEED
    public const int NoHugePage = 15;          // MADV_NOHUGEPAGE
    public static readonly nint MapFailed = -1;

    // include/uapi/asm-generic/fcntl.h
    public const int GetDescriptorFlags = 1;   // F_GETFD
    public const int CloseOnExec = 1;          // FD_CLOEXEC

    public const short PollOut = 4;            // POLLOUT, include/uapi/asm-generic/poll.h

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int file, byte* bytes, nuint count);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    public static partial int Poll(PollEntry* entries, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)] // variadic, but F_GETFD takes no third argument
    public static partial int FileControl(int file, int command);

    [LibraryImport("libc", EntryPoint = "tcgetattr", SetLastError = true)]
    public static partial int GetTerminalAttributes(int file, TerminalAttributes* attributes);

    [LibraryImport("libc", EntryPoint = "tcsetattr", SetLastError = true)]
    public static partial int SetTerminalAttributes(int file, int when, TerminalAttributes* attributes);

    // include/uapi/asm-generic/signal.h and signal-defs.h
    public const int BackgroundWrite = 22;     // SIGTTOU
    public const int BlockSignals = 0;         // SIG_BLOCK
    public const int SetSignals = 2;           // SIG_SETMASK
    public const int SignalSetWords = 16;      // sigset_t has 1,024 bits, in glibc and in musl

    public const int Stop = 19;                // SIGSTOP

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "tcgetpgrp", SetLastError = true)]
    public static partial int GetForegroundGroup(int file);

    [LibraryImport("libc", EntryPoint = "getpgrp")]
    public static partial int GetProcessGroup();

    /// <summary>Of this thread only.</summary>
    [LibraryImport("libc", EntryPoint = "pthread_sigmask")]
    public static partial int SetSignalMask(int how, ulong* signals, ulong* before);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    public static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    public static partial int Advise(nint address, nuint length, int advice);

    /// <summary>Writes all dirty pages of all files to disk.</summary>
    [LibraryImport("libc", EntryPoint = "sync")]
    public static partial void Sync();

    /// <summary>The <c>struct pollfd</c> of poll(2).</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PollEntry
    {
        public int File;
        public short Events;
        public short Returned;
    }

    /// <summary>The <c>struct termios</c> of libc, which is not the kernel's: 32 control characters, and two speeds.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct TerminalAttributes : IEquatable<TerminalAttributes>
    {
        public uint InputFlags;
        public uint OutputFlags;
        public uint ControlFlags;
        public uint LocalFlags;
        public byte LineDiscipline;
        public fixed byte ControlCharacters[32];
        public uint InputSpeed;
        public uint OutputSpeed;

        /// <summary>A read returns when there is a byte, however long that takes.</summary>
        public void WaitForOneByte()
        {
            ControlCharacters[5] = 0; // VTIME
            ControlCharacters[6] = 1; // VMIN
        }

        public readonly bool Equals(TerminalAttributes other) => Bytes(in this).SequenceEqual(Bytes(in other));

        public override readonly bool Equals(object? obj) => obj is TerminalAttributes other && Equals(other);

        public override readonly int GetHashCode() => HashCode.Combine(InputFlags, OutputFlags, ControlFlags, LocalFlags);

        private static ReadOnlySpan<byte> Bytes(in TerminalAttributes attributes) => MemoryMarshal.AsBytes(new ReadOnlySpan<TerminalAttributes>(in attributes));

        /// <summary>Ctrl-Z is a key like any other.</summary>
        public void DisableSuspend() => ControlCharacters[10] = 0; // VSUSP, _POSIX_VDISABLE
    }
}
