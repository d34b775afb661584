using Hypercall.Native.Guard;

namespace Hypercall.Native.Execution;

/// <summary>The stubs of this process and the guard over them. There is one, and it lasts as long as the process.</summary>
internal sealed class ExecutionEngine
{
    /// <summary>How many different encodings one process can have. A megabyte of addresses, and no memory until used.</summary>
    public const int Slots = 256;

    private static readonly Lock SharedGate = new();
    private static ExecutionEngine? s_shared;

    private readonly CodeArena _arena = new(CodePages.Current, Slots, "stub pages");
    private readonly CodeArena _handlers = new(CodePages.Current, 32, "handler pages"); // three, and some for repairs
    private readonly Dictionary<(StubAbi Abi, string Encoding), Stub> _stubs = [];
    private readonly Lock _gate = new();
    private FaultGuard? _guard;
    private bool? _clearsVectors;

    private ExecutionEngine()
    {
    }

    /// <exception cref="ExecutableMemoryException">The system gives no addresses.</exception>
    public static ExecutionEngine Shared
    {
        get
        {
            lock (SharedGate)
            {
                return s_shared ??= new ExecutionEngine();
            }
        }
    }

    /// <summary>The guard, installed when it is first asked for.</summary>
    /// <exception cref="ExecutableMemoryException">The system gives no executable memory.</exception>
    public FaultGuard Guard
    {
        get
        {
            lock (_gate)
            {
                return _guard ??= FaultGuard.Install(_arena, _handlers);
            }
        }
    }

    /// <summary>The stub for an instruction; the same one for the same bytes.</summary>
    /// <exception cref="ExecutableMemoryException">The system gives no executable memory, or all slots are used.</exception>
    public Stub GetStub(ReadOnlySpan<byte> encoding) => GetStub(OperatingSystem.IsWindows() ? StubAbi.Windows : StubAbi.SystemV, encoding);

    /// <summary>A stub for a given caller: machine code that keeps to another system's rules runs on this one too.</summary>
    internal Stub GetStub(StubAbi abi, ReadOnlySpan<byte> encoding)
    {
        (StubAbi, string) key = (abi, Convert.ToHexString(encoding));
        lock (_gate)
        {
            if (_stubs.TryGetValue(key, out Stub stub))
            {
                return stub;
            }

            _clearsVectors ??= VectorState.IsKept(new NativeCpuid(), VectorState.ReadXcr0);
            byte[] code = StubAssembler.Assemble(abi, encoding, _clearsVectors.Value, out int entry);
            nint slot = _arena.Add(_ => code);
            stub = new Stub(slot + entry, slot + StubLayout.Instruction);
            _stubs.Add(key, stub);
            return stub;
        }
    }
}
