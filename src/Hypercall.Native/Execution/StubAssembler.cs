using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hypercall.Native.Execution;

/// <summary>Assembles the machine code around a hypercall instruction. See <see cref="StubLayout"/> for where it goes.</summary>
internal static class StubAssembler
{
    private const byte Int3 = 0xCC;

    /// <summary>The registers in the order of <see cref="HypercallRegisters"/>.</summary>
    private static readonly AssemblerRegister64[] Frame =
        [rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15];

    /// <summary>Assembles one slot.</summary>
    /// <param name="abi">Who calls it.</param>
    /// <param name="instruction">The bytes of the instruction, 1 to 15.</param>
    /// <param name="clearsVectors">Whether the upper halves of the vector registers are cleared before it: see
    /// <see cref="VectorState"/>.</param>
    /// <param name="entry">Offset of the entry in the slot.</param>
    /// <returns>All bytes of the slot.</returns>
    public static byte[] Assemble(StubAbi abi, ReadOnlySpan<byte> instruction, bool clearsVectors, out int entry)
    {
        byte[] load = Load(abi);
        byte[] prologue = [.. Save(abi, clearsVectors), .. load];
        byte[] epilogue = Epilogue(abi, load: StubLayout.Instruction - load.Length, address: StubLayout.Instruction + instruction.Length);
        byte[] faultExit = FaultExit(abi);
        byte[] slot = new byte[StubLayout.SlotSize];
        Array.Fill(slot, Int3);
        entry = StubLayout.Instruction - prologue.Length;
        prologue.CopyTo(slot, entry);
        instruction.CopyTo(slot.AsSpan(StubLayout.Instruction));
        epilogue.CopyTo(slot.AsSpan((StubLayout.Instruction + instruction.Length)..StubLayout.FaultExit));
        faultExit.CopyTo(slot, StubLayout.FaultExit);
        return slot;
    }

    public static byte[] Encode(Assembler assembler, ulong address = 0)
    {
        using MemoryStream stream = new();
        _ = assembler.Assemble(new StreamCodeWriter(stream), address);
        return stream.ToArray();
    }

    private static AssemblerRegister64[] Saved(StubAbi abi) => abi == StubAbi.SystemV
        ? [rbx, rbp, r12, r13, r14, r15]
        : [rbx, rbp, rdi, rsi, r12, r13, r14, r15];

    private static AssemblerRegister64 FrameRegister(StubAbi abi) => abi == StubAbi.SystemV ? rdi : rcx;

    private static byte[] Save(StubAbi abi, bool clearsVectors)
    {
        Assembler code = new(64);
        foreach (AssemblerRegister64 register in Saved(abi))
        {
            code.push(register);
        }

        code.push(abi == StubAbi.SystemV ? rdx : r8); // the end of the frames
        code.push(abi == StubAbi.SystemV ? rsi : rdx); // the fault record
        code.push(FrameRegister(abi));
        if (clearsVectors)
        {
            code.vzeroupper(); // and not VZEROALL: Windows wants XMM6 to XMM15 kept, and nobody their upper halves
        }

        return Encode(code);
    }

    private static byte[] Load(StubAbi abi)
    {
        Assembler code = new(64);
        AssemblerRegister64 frame = FrameRegister(abi);
        for (int i = 0; i < Frame.Length; i++)
        {
            if (Frame[i] != frame)
            {
                code.mov(Frame[i], __[frame + (i * sizeof(ulong))]);
            }
        }

        code.mov(frame, __[frame + (Array.IndexOf(Frame, frame) * sizeof(ulong))]); // last: it is the base of all the others
        return Encode(code);
    }

    private static byte[] Epilogue(StubAbi abi, int load, int address)
    {
        Assembler code = new(64);

        // Every register is the VMM's now: one has to wait on the stack. XCHG with memory would do, and is locked: 20 cycles.
        code.push(rax);
        code.mov(rax, __[rsp + 8]);
        for (int i = 1; i < Frame.Length; i++)
        {
            code.mov(__[rax + (i * sizeof(ulong))], Frame[i]);
        }

        code.pop(rcx);
        code.mov(__[rax], rcx);
        AssemblerRegister64 next = FrameRegister(abi);
        code.lea(next, __[rax + (Frame.Length * sizeof(ulong))]);
        code.mov(__[rsp], next);
        code.cmp(next, __[rsp + 16]);
        code.jb((ulong)load);
        code.xor(eax, eax);
        Return(code, abi);
        return Encode(code, (ulong)address);
    }

    private static byte[] FaultExit(StubAbi abi)
    {
        Assembler code = new(64);
        code.mov(r8, __[rsp + 8]);
        code.mov(r9, __[rsp]);
        AssemblerRegister64[] values = [rax, rcx, rdx, rsi, rdi, r9]; // NativeFault: filled by the guard, but for the frame
        for (int i = 0; i < values.Length; i++)
        {
            code.mov(__[r8 + (i * sizeof(ulong))], values[i]);
        }

        code.mov(eax, 1);
        Return(code, abi);
        return Encode(code);
    }

    private static void Return(Assembler code, StubAbi abi)
    {
        code.cld(); // both ABIs want DF clear on return, and RFLAGS are the VMM's to change
        code.add(rsp, 3 * sizeof(ulong));
        foreach (AssemblerRegister64 register in Saved(abi).Reverse())
        {
            code.pop(register);
        }

        code.ret();
    }
}
