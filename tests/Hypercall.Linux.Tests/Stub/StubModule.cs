namespace Hypercall.Linux.Tests;

/// <summary>The kernel module as kernel/hypercall.h says it behaves, in a <see cref="StubKernel"/>.</summary>
internal sealed unsafe class StubModule
{
    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int ENOMEM = 12;
    public const int EACCES = 13;
    public const int EBUSY = 16;
    public const int EINVAL = 22;
    public const int ENOSPC = 28;

    private readonly Dictionary<uint, bool> _buffers = []; // whether it is kept
    private uint _next;

    public StubModule()
    {
        Kernel.Devices[ModuleAbi.Device] = 0;
        Kernel.OnControl = Control;
    }

    public delegate void Call(ModuleAbi.Call* call);

    public StubKernel Kernel { get; } = new();

    public uint Abi { get; set; } = ModuleAbi.Version;

    /// <summary>What the VMM does.</summary>
    public Call OnCall { get; set; } = _ => { };

    /// <summary>The errno of a command; 0 for what the module does.</summary>
    public Dictionary<uint, int> Errors { get; } = [];

    public IReadOnlyDictionary<uint, bool> Buffers => _buffers;

    public static ulong AddressOf(uint id) => 0x1000_0000ul + (id * 0x10_0000ul);

    private long Control(uint command, void* argument)
    {
        if (Errors.GetValueOrDefault(command) is not 0 and int error)
        {
            return -error;
        }

        switch (command)
        {
            case ModuleAbi.AboutCommand:
                *(ModuleAbi.About*)argument = new() { Abi = Abi, LargestBuffer = 4 << 20, LargestTotal = 64 << 20, Buffers = 64 };
                return 0;
            case ModuleAbi.CallCommand:
                OnCall((ModuleAbi.Call*)argument);
                return 0;
            case ModuleAbi.AllocateCommand:
                ModuleAbi.Buffer* buffer = (ModuleAbi.Buffer*)argument;
                buffer->Id = ++_next;
                buffer->Size = (buffer->Size + 4095) & ~4095ul;
                buffer->Gpa = AddressOf(buffer->Id);
                _buffers[buffer->Id] = buffer->Flags == ModuleAbi.KeptFlag;
                return 0;
            default:
                uint id = *(uint*)argument;
                if (!_buffers.TryGetValue(id, out bool kept))
                {
                    return -ENOENT;
                }

                if (command == ModuleAbi.FreeCommand)
                {
                    return kept || Kernel.Mappings != 0 ? -EBUSY : _buffers.Remove(id) ? 0 : -ENOENT;
                }

                _buffers[id] = command == ModuleAbi.KeepCommand;
                return 0;
        }
    }
}
