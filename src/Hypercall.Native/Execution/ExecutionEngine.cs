using Hypercall.Native.Guard;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Execution;

/// <summary>
/// The stubs of this process and the guard over them. Each copy of the library has an engine; the pages behind it are those of
/// all copies in this runtime, and last as long as the process.
/// </summary>
internal sealed class ExecutionEngine
{
    /// <summary>How many different encodings one process can have. A megabyte of addresses, and no memory until used.</summary>
    public const int Slots = 256;

    private static readonly Lock SharedGate = new();
    private static ExecutionEngine? s_shared;

    private readonly CodeArena _arena = CodeArena.Shared(Slots, "stub pages", "Use fewer different instruction encodings in one process.");
    private readonly CodeArena _handlers = CodeArena.Shared(
        32, // three, and some for repairs
        "handler pages",
        "Somebody keeps replacing the handlers of SIGILL, SIGSEGV or SIGBUS by new ones: find out who (strace -k -e trace=rt_sigaction), and let them chain.");

    private readonly Dictionary<string, (nint Entry, nint Instruction)> _stubs =
        RuntimeShared.GetOrAdd("stubs", CodeArena.Version, () => new Dictionary<string, (nint Entry, nint Instruction)>());

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
    /// <exception cref="PlatformNotSupportedException">The system, or somebody in this process, does not let it be
    /// installed.</exception>
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
        string key = $"{abi} many {Convert.ToHexString(encoding)}"; // 0.1.0, without "many", takes one frame
        lock (_stubs)
        {
            if (!_stubs.TryGetValue(key, out (nint Entry, nint Instruction) stub))
            {
                _clearsVectors ??= VectorState.IsKept(new NativeCpuid(), VectorState.ReadXcr0);
                byte[] code = StubAssembler.Assemble(abi, encoding, _clearsVectors.Value, out int entry);
                nint slot = _arena.Add(_ => code);
                stub = (slot + entry, slot + StubLayout.Instruction);
                _stubs.Add(key, stub);
            }

            return new Stub(stub.Entry, stub.Instruction);
        }
    }
}
