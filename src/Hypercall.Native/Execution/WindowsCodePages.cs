using System.Runtime.InteropServices;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Execution;

internal sealed unsafe class WindowsCodePages : CodePages
{
    private const string Remedy = "If it is arbitrary code guard (ProcessDynamicCodePolicy), allow dynamic code for this program.";
    private static readonly nint CurrentProcess = -1; // the pseudo handle that GetCurrentProcess returns

    public override nint Reserve(nuint length)
    {
        nint start = Kernel32.VirtualAlloc(0, length, Kernel32.MemReserve, Kernel32.PageNoAccess);
        return start != 0 ? start : throw Refused($"VirtualAlloc of {length} bytes", Marshal.GetLastPInvokeError(), Remedy);
    }

    public override void Publish(nint page, ReadOnlySpan<byte> code)
    {
        if (Kernel32.VirtualAlloc(page, StubLayout.SlotSize, Kernel32.MemCommit, Kernel32.PageReadWrite) == 0)
        {
            throw Refused("VirtualAlloc(MEM_COMMIT)", Marshal.GetLastPInvokeError(), Remedy);
        }

        code.CopyTo(new Span<byte>((void*)page, StubLayout.SlotSize));
        uint old;
        if (Kernel32.VirtualProtect(page, StubLayout.SlotSize, Kernel32.PageExecuteRead, &old) == 0)
        {
            throw Refused("VirtualProtect(PAGE_EXECUTE_READ)", Marshal.GetLastPInvokeError(), Remedy);
        }

        _ = Kernel32.FlushInstructionCache(CurrentProcess, page, StubLayout.SlotSize);
    }
}
