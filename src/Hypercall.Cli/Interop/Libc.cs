using System.Runtime.InteropServices;

namespace Hypercall.Cli.Interop;

/// <summary>What the tool needs of Linux's libc. The layouts and numbers are the same in glibc and musl, on every architecture but a few that .NET does not run on.</summary>
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

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)] // variadic, but F_GETFD takes no third argument
    public static partial int FileControl(int file, int command);

    [LibraryImport("libc", EntryPoint = "tcgetattr", SetLastError = true)]
    public static partial int GetTerminalAttributes(int file, TerminalAttributes* attributes);

    [LibraryImport("libc", EntryPoint = "tcsetattr", SetLastError = true)]
    public static partial int SetTerminalAttributes(int file, int when, TerminalAttributes* attributes);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    public static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    public static partial int Advise(nint address, nuint length, int advice);

    /// <summary>Writes all dirty pages of all files to disk.</summary>
    [LibraryImport("libc", EntryPoint = "sync")]
    public static partial void Sync();

    /// <summary>The <c>struct termios</c> of libc, which is not the kernel's: 32 control characters, and two speeds.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct TerminalAttributes
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

        /// <summary>Ctrl-Z is a key like any other.</summary>
        public void DisableSuspend() => ControlCharacters[10] = 0; // VSUSP, _POSIX_VDISABLE
    }
}
