using Hypercall.Native.Execution;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hypercall.Native;

/// <summary>
/// Whether this system keeps the upper halves of the vector registers (YMM beyond XMM), so that there is something to clear.
/// </summary>
/// <remarks>
/// Upper halves in use make a VM exit dearer, and compiled C# leaves them so: it clears structs with AVX. <c>Avx.IsSupported</c>
/// does not tell: it is what the runtime was configured to use (DOTNET_EnableAVX=0), not what a native library left behind.
/// </remarks>
internal static unsafe class VectorState
{
    private const uint OsXSave = 1u << 27; // CPUID leaf 1, ECX: Intel SDM vol. 1, section 14.3; AMD APM vol. 3, appendix E.3.2
    private const uint Avx = 1u << 28;
    private const uint Kept = 0b110;       // XCR0, SSE and AVX state: Intel SDM vol. 1, section 13.3; AMD APM vol. 2, section 11.5.2

    /// <summary>
    /// Whether the CPU has AVX and the operating system saves its state: VZEROUPPER is an invalid opcode otherwise.
    /// </summary>
    /// <param name="cpuid">CPUID.</param>
    /// <param name="readXcr0">Reads XCR0; called only where XGETBV exists.</param>
    public static bool IsKept(ICpuid cpuid, Func<uint> readXcr0) =>
        (cpuid.Query(1).Ecx & (OsXSave | Avx)) == (OsXSave | Avx) && (readXcr0() & Kept) == Kept;

    /// <summary>The low half of XCR0, by an XGETBV on an executable page of its own.</summary>
    /// <exception cref="ExecutableMemoryException">The system gives no executable memory.</exception>
    public static uint ReadXcr0()
    {
        Assembler code = new(64);
        code.xor(ecx, ecx);
        code.xgetbv();
        code.ret();
        nint page = new CodeArena(CodePages.Current, 1, "pages for XGETBV").Add(_ => StubAssembler.Encode(code));
        return ((delegate* unmanaged<uint>)page)();
    }
}
