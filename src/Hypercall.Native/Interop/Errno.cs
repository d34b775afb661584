namespace Hypercall.Native.Interop;

/// <summary>Errors of Linux system calls, by their names in errno(3); asm-generic/errno-base.h, asm-generic/errno.h.</summary>
internal static class Errno
{
    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int EINTR = 4;
    public const int EAGAIN = 11;
    public const int ENOMEM = 12;
    public const int EACCES = 13;
    public const int EFAULT = 14;
    public const int EINVAL = 22;
    public const int ENFILE = 23;
    public const int EMFILE = 24;
    public const int ENOSYS = 38;
    public const int EOPNOTSUPP = 95;
}
