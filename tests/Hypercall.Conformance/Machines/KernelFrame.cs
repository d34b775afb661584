using System.Runtime.InteropServices;

namespace Hypercall.Conformance;

/// <summary>struct hypercall_call of kernel/hypercall.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KernelFrame
{
    public fixed ulong Words[15];
    public uint Fault;
    public uint Reserved;

    private static readonly GeneralRegister[] Order =
    [
        GeneralRegister.Rax, GeneralRegister.Rbx, GeneralRegister.Rcx, GeneralRegister.Rdx, GeneralRegister.Rsi, GeneralRegister.Rdi, GeneralRegister.Rbp,
        GeneralRegister.R8, GeneralRegister.R9, GeneralRegister.R10, GeneralRegister.R11, GeneralRegister.R12, GeneralRegister.R13, GeneralRegister.R14, GeneralRegister.R15,
    ];

    public KernelFrame(in HypercallRegisters registers)
    {
        for (int i = 0; i < Order.Length; i++)
        {
            Words[i] = registers[Order[i]];
        }
    }

    public readonly HypercallRegisters Registers
    {
        get
        {
            HypercallRegisters registers = default;
            for (int i = 0; i < Order.Length; i++)
            {
                registers[Order[i]] = Words[i];
            }

            return registers;
        }
    }
}
