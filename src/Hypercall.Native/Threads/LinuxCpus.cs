using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>
/// The CPUs of Linux: sched_setaffinity(2), sched_getaffinity(2), getcpu(2). Masks are as long as they have to be.
/// </summary>
internal sealed unsafe class LinuxCpus : ICpuControl
{
    private const long NumberOfSetAffinity = 203; // arch/x86/entry/syscalls/syscall_64.tbl
    private const long NumberOfGetAffinity = 204;
    private const long NumberOfGetCpu = 309;
    private const int Bits = 64;
    private const int FewestWords = 16; // 1,024 CPUs, as libc's cpu_set_t
    private const int MostWords = 4096; // 262,144 CPUs; the kernel's NR_CPUS is 8192 at most

    public int Current
    {
        get
        {
            uint cpu;
            return Libc.SystemCall(NumberOfGetCpu, (nint)(&cpu), 0, 0, 0, 0) == 0 ? (int)cpu : -1;
        }
    }

    public string? List(string name) => KernelFile.TryRead($"/sys/devices/system/cpu/{name}");

    public bool? Allows(int cpu)
    {
        // EINVAL: the kernel's mask is longer than this (sched_getaffinity(2), "C library/kernel differences").
        for (int words = FewestWords; words <= MostWords; words *= 2)
        {
            ulong[] mask = new ulong[words];
            fixed (ulong* first = mask)
            {
                if (Libc.SystemCall(NumberOfGetAffinity, Environment.ProcessId, words * sizeof(ulong), (nint)first, 0, 0) >= 0)
                {
                    return cpu / Bits < words && (mask[cpu / Bits] & (1ul << (cpu % Bits))) != 0;
                }
            }

            if (Libc.LastError != Errno.EINVAL)
            {
                return null;
            }
        }

        return null;
    }

    public int Bind(int cpu)
    {
        ulong[] mask = new ulong[Math.Max(FewestWords, (cpu / Bits) + 1)];
        mask[cpu / Bits] = 1ul << (cpu % Bits);
        fixed (ulong* first = mask)
        {
            long done = Libc.SystemCall(NumberOfSetAffinity, 0, mask.Length * sizeof(ulong), (nint)first, 0, 0);
            return done == 0 ? 0 : Libc.LastError;
        }
    }
}
