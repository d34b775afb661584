using System.Diagnostics.CodeAnalysis;
using Hypercall.Cli.Interop;
using Hypercall.Native;

namespace Hypercall.Cli.Memory;

/// <summary>The memory of this machine.</summary>
/// <param name="pinning">What is to pin.</param>
internal sealed class NativeMemoryLab(PinningMechanism pinning) : IMemoryLab
{
    private const string CompactFile = "/proc/sys/vm/compact_memory"; // Linux, Documentation/admin-guide/sysctl/vm.rst

    private static readonly (PinningMechanism Mechanism, string Name)[] Mechanisms = [(PinningMechanism.IoUring, "io_uring"), (PinningMechanism.RamFs, "ramfs")];

    public IGuestMemory Memory { get; } = new NativeGuestMemory();

    public GuestMemoryRefusal? CannotCompact => !File.Exists(CompactFile)
        ? new GuestMemoryRefusal(
            GuestMemoryRefusalReason.PlatformNotSupported,
            $"This kernel cannot be asked to compact memory: there is no {CompactFile} (Linux with CONFIG_COMPACTION has it). --vmm fake shows what it would do.")
        : Environment.IsPrivilegedProcess
            ? null
            : new GuestMemoryRefusal(
                GuestMemoryRefusalReason.NoPrivilege,
                $"Asking the kernel to compact memory (writing to {CompactFile}) and seeing frame numbers (CAP_SYS_ADMIN) needs root: run this as root, outside of containers. --vmm fake shows it anywhere.");

    // The same order as PinningMechanism.Best, which does not say which one it took.
    public bool TryPin(
        long length,
        [NotNullWhen(true)] out GuestBuffer? buffer,
        [NotNullWhen(true)] out string? mechanism,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        (buffer, mechanism, refusal) = (null, null, null);
        foreach ((PinningMechanism candidate, string name) in Mechanisms)
        {
            if (pinning != PinningMechanism.Best && pinning != candidate)
            {
                continue;
            }

            if (new NativeGuestMemory(pinning: candidate).TryAllocate(length, GuestBufferOptions.Default, out buffer, out _))
            {
                mechanism = name;
                return true;
            }
        }

        // A way that was asked for alone knows nothing of the others; both together say why each of them failed.
        if (new NativeGuestMemory(pinning: pinning).TryAllocate(length, GuestBufferOptions.Default, out buffer, out refusal))
        {
            mechanism = "auto"; // it was refused a moment ago, and which way serves now is not said
            return true;
        }

        return false;
    }

    public IDisposable Fragment(CancellationToken cancellationToken) => FragmentedMemory.Create(Memory, cancellationToken);

    public void Compact(IEnumerable<GuestBuffer> buffers)
    {
        try
        {
            // A dirty file page of many frames can be neither split nor placed, and ends the compaction of its zone right there
            // (Linux 6.18: 400 MB just written, and no page of the 2,048 behind them moved; after a sync, all did).
            Libc.Sync();
            File.WriteAllText(CompactFile, "1");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GuestMemoryException(new GuestMemoryRefusal(
                GuestMemoryRefusalReason.NoPrivilege, $"The kernel was not to be asked to compact memory: {e.Message} A container may have {CompactFile} read-only: run this outside."));
        }
    }
}
