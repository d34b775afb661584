namespace Hypercall.Native;

/// <summary>The descriptors that guest memory keeps open: the page map, the ramfs, and the rings.</summary>
/// <param name="keepsPrivileges">Whether they go on serving a process that gave up the capabilities it opened them with.</param>
internal sealed class LinuxDescriptors(bool keepsPrivileges = false)
{
    /// <summary>Those of everybody who did not ask for their own.</summary>
    public static LinuxDescriptors Process { get; } = new();

    public PageMapReader PageMap { get; init; } = new("/proc/self/pagemap", keepsPrivileges);

    public RamFs RamFs { get; } = new(keepsPrivileges);

    public PinTable Pins { get; } = new(keepsPrivileges);

    /// <summary>Opens what the mechanism needs now, as far as that is possible: later there may be no right to.</summary>
    /// <param name="pinning">What will pin.</param>
    public void Open(PinningMechanism pinning)
    {
        PageMap.Open();
        bool hasRing = pinning != PinningMechanism.RamFs && Pins.TryOpen();
        if (!hasRing && pinning != PinningMechanism.IoUring)
        {
            RamFs.Open();
        }
    }

    /// <summary>Closes them: a ring when the last buffer that it pins is released.</summary>
    public void Close()
    {
        PageMap.Close();
        RamFs.Close();
        Pins.Close();
    }
}
