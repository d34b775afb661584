namespace Hypercall.Native.Execution;

/// <summary>Who calls the stub: in which registers the arguments come, and which registers the caller wants back.</summary>
internal enum StubAbi
{
    /// <summary>RDI, RSI; keeps RBX, RBP, R12 to R15 (System V AMD64 psABI, section 3.2).</summary>
    SystemV,

    /// <summary>RCX, RDX; keeps RBX, RBP, RDI, RSI, R12 to R15 (Microsoft x64 calling convention).</summary>
    Windows,
}
