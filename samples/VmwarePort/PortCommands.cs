using System.Buffers.Binary;
using Hypercall;

namespace VmwarePort;

/// <summary>
/// Commands of VMware's backdoor by its port, 0x5658, as VMware and QEMU serve them.
/// </summary>
/// <remarks>
/// <code>
///   sent:      EAX = 0x564D5868   EBX = 0   ECX[15:0] = command   DX = 0x5658
///   answered:  10 version   EAX = version, EBX = 0x564D5868, ECX = product type
///              19 UUID      EAX, EBX, ECX, EDX = 16 bytes, little-endian
///              20 memory    EAX = size (QEMU: bytes)
///              unknown      EAX = 0xffffffff
/// </code>
/// A port that nobody serves answers as an unknown command does; only the magic number in EBX proves that somebody is there.
/// Sources: open-vm-tools, lib/include/backdoor_def.h; QEMU, hw/i386/vmport.c.
/// </remarks>
public sealed class PortCommands(IHypercallMachine machine)
{
    public const ushort Port = 0x5658;      // BDOOR_PORT
    public const uint Magic = 0x564D5868;   // BDOOR_MAGIC
    public const uint Unserved = uint.MaxValue;
    public const ushort Version = 10;       // BDOOR_CMD_GETVERSION
    public const ushort Uuid = 19;          // BDOOR_CMD_GETUUID
    public const ushort Memory = 20;        // BDOOR_CMD_GETMEMSIZE; QEMU: VMPORT_CMD_GETRAMSIZE

    /// <summary>The version and the product type; null where no VMM serves the port.</summary>
    public (uint Version, uint Product)? GetVersion()
    {
        HypercallResult answer = Call(Version);
        return (uint)answer.Rbx == Magic && (uint)answer.Rax != Unserved ? ((uint)answer.Rax, (uint)answer.Rcx) : null;
    }

    /// <summary>The guest's memory, in bytes under QEMU; null where the command is not served.</summary>
    public uint? GetMemory() => ServedOrNull(Call(Memory));

    /// <summary>The machine's UUID as its 16 bytes; null where the command is not served.</summary>
    public byte[]? GetUuid()
    {
        HypercallResult answer = Call(Uuid);
        if (ServedOrNull(answer) is not { } first)
        {
            return null;
        }

        byte[] uuid = new byte[16];
        uint[] words = [first, (uint)answer.Rbx, (uint)answer.Rcx, (uint)answer.Rdx];
        for (int i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(uuid.AsSpan(i * sizeof(uint)), words[i]);
        }

        return uuid;
    }

    /// <summary>
    /// Whether a command is served; one that answers 0xffffffff as its value cannot be told from one that is not.
    /// </summary>
    /// <param name="command">The command.</param>
    public bool Serves(ushort command) => ServedOrNull(Call(command)) is not null;

    private static uint? ServedOrNull(HypercallResult answer) => (uint)answer.Rax == Unserved ? null : (uint)answer.Rax;

    private HypercallResult Call(ushort command) =>
        new HypercallFunction(machine, HypercallConvention.VmwarePort, command).Call();
}
