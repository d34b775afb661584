using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>
/// One CPU, for one thread. Looked at before each call: the kernel moves a thread away from a CPU that goes offline, or that its
/// cpuset loses, and tells nobody.
/// </summary>
/// <param name="cpu">The CPU.</param>
/// <param name="cpus">The kernel.</param>
internal sealed class CpuAffinity(int cpu, ICpuControl cpus) : IThreadTerm
{
    private bool _isBound;
    private ChannelRefusal? _last;

    /// <summary>What names the CPU, in a thread's name and in a refusal.</summary>
    public string Name { get; } = $"CPU {cpu}";

    /// <summary>Whether the CPU is there, and the process may run on it. Changes nothing.</summary>
    /// <returns>Why not; null when nothing speaks against it.</returns>
    public ChannelRefusal? Check()
    {
        if (cpus.List("present") is { } present && !CpuList.Contains(present, cpu))
        {
            return Refusal(
                $"this machine has no such CPU (/sys/devices/system/cpu/present: {present.Trim()})", "Take one of those.");
        }

        if (cpus.List("online") is { } online && !CpuList.Contains(online, cpu))
        {
            return Refusal(
                $"it is offline (/sys/devices/system/cpu/online: {online.Trim()})",
                $"Bring it up: echo 1 > /sys/devices/system/cpu/cpu{cpu}/online, as root.");
        }

        return cpus.Allows(cpu) == false
            ? Refusal(
                "this process may not run there: its affinity (sched_getaffinity) leaves it out, by its cpuset or by who started "
                + "it",
                "Widen the cpuset (cpuset.cpus, --cpuset-cpus of a container, AllowedCPUs= of a systemd unit), or start the "
                + "process without a mask (taskset -p shows it).")
            : null;
    }

    public ChannelRefusal? Meet()
    {
        if (_isBound && cpus.Current == cpu)
        {
            return null;
        }

        int error = cpus.Bind(cpu);
        int now = error == 0 ? cpus.Current : -1;
        _isBound = now == cpu;
        if (_isBound)
        {
            return null;
        }

        ChannelRefusal refusal = error != 0
            ? Check() ?? Refusal(
                $"sched_setaffinity: {Errno.Describe(error)}",
                "Let the cpuset, or the sandbox, allow the thread that CPU.",
                error)
            : Refusal(
                "sched_setaffinity succeeded, and "
                + (now < 0 ? "getcpu does not say where the thread runs" : $"the thread runs on CPU {now} all the same"),
                "The kernel, or what stands in for it, does not bind threads: make the call where it does.");

        // A program that is refused is refused again: what is the same is kept.
        return _last?.Reason == refusal.Reason ? _last : _last = refusal;
    }

    public void End()
    {
        // The thread ends, and its affinity with it.
    }

    private ChannelRefusal Refusal(string reason, string remedy, int error = 0) => new(Name, reason, remedy, error);
}
