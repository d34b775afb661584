using System.Runtime.InteropServices;

namespace NyxAgent;

/// <summary>What kAFL and Nyx agree on with an agent in the guest: IntelLabs/kafl.targets, nyx_api.h.</summary>
/// <remarks>
/// <code>
///   RAX = 0x1f   RBX = number   RCX = argument, often the virtual address of a struct that is resident     VMCALL
/// </code>
/// On a KVM without Nyx' patches: OUT DX, EAX on port 0x5658 with RAX = 0x8080801f, for which <c>AddPort</c> and a convention of
/// one's own are all that changes.
/// </remarks>
public static class NyxAbi
{
    public const ulong Acquire = 0;
    public const ulong GetPayload = 1;
    public const ulong Release = 4;
    public const ulong NextPayload = 12;
    public const ulong UserSubmitMode = 17;
    public const ulong GetHostConfig = 35;
    public const ulong SetAgentConfig = 36;

    public const ulong Mode64 = 0;
    public const uint HostMagic = 0x4878_794E;
    public const uint AgentMagic = 0x4178_794E;
    public const uint HostVersion = 2;
    public const uint AgentVersion = 1;

    /// <summary><c>host_config_t</c>, packed: what the fuzzer offers.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    public struct HostConfig
    {
        public uint Magic;
        public uint Version;
        public uint BitmapBytes;
        public uint IjonBitmapBytes;
        public uint PayloadBytes;
        public uint WorkerId;
    }

    /// <summary><c>agent_config_t</c>, packed: what the agent wants.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    public struct AgentConfig
    {
        public uint Magic;
        public uint Version;
        public byte TimeoutDetection;
        public byte Tracing;
        public byte IjonTracing;
        public byte NonReloadMode;
        public ulong TraceBuffer;
        public ulong IjonTraceBuffer;
        public uint CoverageBitmapBytes;
        public uint InputBufferBytes;
        public byte DumpPayloads;
    }
}
