using Hypercall.Native.Execution;
using Hypercall.Native.Interop;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hypercall.Native.Tests.Execution;

/// <summary>
/// A callback in place of the hypercall instruction, and an emitted caller that checks what the stub leaves behind.
/// </summary>
/// <remarks>
/// <code>
/// caller (emitted) -> stub -> call [callback]      FF 14 25 disp32: 7 bytes, so the pointer lies below 2 GiB
///                             callback (emitted): stores the 15 registers it sees, loads 15 others, sets DF
/// data page (below 2 GiB)
///   000 callback    040 seen    100 given    200 RSP in callback    240 frame    300 fault record
///   400 RSP before  408 RSP after  410 RAX returned  418 RFLAGS after  440 registers after
/// </code>
/// </remarks>
internal sealed unsafe class CallbackHarness
{
    private const int Map32Bit = 0x40; // MAP_32BIT, arch/x86/include/uapi/asm/mman.h
    private const int Callback = 0, Seen = 0x40, Given = 0x100, SeenRsp = 0x200, Frame = 0x240, Fault = 0x300;
    private const int RspBefore = 0x400, RspAfter = 0x408, Returned = 0x410, Flags = 0x418, After = 0x440;

    private static readonly AssemblerRegister64[] All = [rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15];

    private readonly nint _data;
    private readonly CodeArena _code = new(CodePages.Current, 16, "test pages");

    private CallbackHarness()
    {
        _data = Libc.MemoryMap(0, 4096, Libc.ProtRead | Libc.ProtWrite, Libc.MapPrivate | Libc.MapAnonymous | Map32Bit, -1, 0);
        Assert.InRange(_data, 1, int.MaxValue);
        Assembler code = new(64);
        for (int i = 0; i < All.Length; i++)
        {
            code.mov(At(Seen + (8 * i)), All[i]);
        }

        code.mov(At(SeenRsp), rsp);
        for (int i = 0; i < All.Length; i++)
        {
            code.mov(All[i], At(Given + (8 * i)));
        }

        code.std();
        code.ret();
        *(nint*)(_data + Callback) = _code.Add(address => StubAssembler.Encode(code, (ulong)address));
        Instruction = [0xFF, 0x14, 0x25, .. BitConverter.GetBytes((int)_data)];
    }

    /// <summary>One for all tests: each would use up a stub slot.</summary>
    public static CallbackHarness Shared { get; } = new();

    public Lock Gate { get; } = new();

    /// <summary>The bytes that stand for the hypercall.</summary>
    public byte[] Instruction { get; }

    public ref HypercallRegisters SeenByCallback => ref *(HypercallRegisters*)(_data + Seen);

    public ref HypercallRegisters GivenByCallback => ref *(HypercallRegisters*)(_data + Given);

    public ref HypercallRegisters FrameOfCaller => ref *(HypercallRegisters*)(_data + Frame);

    public NativeFault FaultRecord => *(NativeFault*)(_data + Fault);

    /// <summary>Calls a stub from machine code that knows what it had in its registers.</summary>
    /// <returns>What the stub returned, and which of what the ABI promises it broke.</returns>
    public (int Returned, string[] Broken) Call(StubAbi abi, Stub stub)
    {
        AssemblerRegister64[] kept = abi == StubAbi.SystemV ? [rbx, rbp, r12, r13, r14, r15] : [rbx, rbp, rdi, rsi, r12, r13, r14, r15];
        nint caller = _code.Add(address => StubAssembler.Encode(Caller(abi, stub, kept), (ulong)address));
        ((delegate* unmanaged<void>)caller)();

        List<string> broken = [];
        for (int i = 0; i < kept.Length; i++)
        {
            if (*(ulong*)(_data + After + (8 * i)) != Sentinel(i))
            {
                broken.Add(kept[i].ToString()!);
            }
        }

        if (*(nint*)(_data + RspBefore) != *(nint*)(_data + RspAfter))
        {
            broken.Add("rsp");
        }

        if ((*(ulong*)(_data + Flags) & 0x400) != 0) // DF: Intel SDM vol. 1, section 3.4.3
        {
            broken.Add("df");
        }

        return (*(int*)(_data + Returned), [.. broken]);
    }

    private static ulong Sentinel(int i) => 0xA5A5_0000_1111_2200ul + (ulong)i;

    private AssemblerMemoryOperand At(int offset) => __qword_ptr[(ulong)(_data + offset)];

    private Assembler Caller(StubAbi abi, Stub stub, AssemblerRegister64[] kept)
    {
        Assembler code = new(64);
        foreach (AssemblerRegister64 register in (AssemblerRegister64[])[rbx, rbp, r12, r13, r14, r15])
        {
            code.push(register);
        }

        code.sub(rsp, 40); // aligned, with Windows' shadow space
        for (int i = 0; i < kept.Length; i++)
        {
            code.mov(kept[i], Sentinel(i));
        }

        code.mov(abi == StubAbi.SystemV ? rdi : rcx, (ulong)(_data + Frame));
        code.mov(abi == StubAbi.SystemV ? rsi : rdx, (ulong)(_data + Fault));
        code.mov(abi == StubAbi.SystemV ? rdx : r8, (ulong)(_data + Frame + sizeof(HypercallRegisters)));
        code.mov(At(RspBefore), rsp);
        code.mov(rax, (ulong)stub.Entry);
        code.call(rax);
        code.mov(At(RspAfter), rsp);
        code.mov(At(Returned), rax);
        code.pushfq();
        code.pop(rax);
        code.mov(At(Flags), rax);
        code.cld();
        for (int i = 0; i < kept.Length; i++)
        {
            code.mov(At(After + (8 * i)), kept[i]);
        }

        code.mov(rsp, At(RspBefore));
        code.add(rsp, 40);
        foreach (AssemblerRegister64 register in (AssemblerRegister64[])[r15, r14, r13, r12, rbp, rbx])
        {
            code.pop(register);
        }

        code.ret();
        return code;
    }
}
