using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hypercall.Guest.Tests.Processes;

/// <summary>
/// A terminal, seen from the side of the person: keys go into <see cref="Screen"/>, and what is shown comes out of it.
/// </summary>
internal sealed class PseudoTerminal : IDisposable
{
    private const int ReadWrite = 2;          // O_RDWR
    private const int NoControl = 0x100;      // O_NOCTTY, include/uapi/asm-generic/fcntl.h
    private const int CloseOnExec = 0x8_0000; // O_CLOEXEC: the terminal hangs up when this process ends

    private PseudoTerminal(SafeFileHandle handle, string path)
    {
        Screen = new FileStream(handle, FileAccess.ReadWrite, bufferSize: 0);
        Path = path;
    }

    public FileStream Screen { get; }

    /// <summary>Where a program opens it. The leader of a session without a terminal gets it as its own by that.</summary>
    public string Path { get; }

    /// <summary>Makes one.</summary>
    /// <exception cref="IOException">There are no pseudo-terminals here.</exception>
    public static PseudoTerminal Open()
    {
        int descriptor = Libc.OpenTerminal(ReadWrite | NoControl | CloseOnExec);
        if (descriptor < 0 || Libc.GrantTerminal(descriptor) != 0 || Libc.UnlockTerminal(descriptor) != 0)
        {
            throw new IOException($"There is no pseudo-terminal: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        return new PseudoTerminal(new SafeFileHandle(descriptor, ownsHandle: true), Marshal.PtrToStringUTF8(Libc.NameOfTerminal(descriptor))!);
    }

    public void Dispose() => Screen.Dispose();
}
