using System.Runtime.InteropServices;

namespace Hypercall.Linux;

/// <summary>What /dev/hypercall is asked for: kernel/hypercall.h, whose numbers these are.</summary>
internal static class ModuleAbi
{
    public const string Device = "/dev/hypercall";
    public const uint Version = 1;              // HYPERCALL_ABI

    public const uint AboutCommand = 0x8020_4800;
    public const uint CallCommand = 0xc080_4801;
    public const uint AllocateCommand = 0xc018_4802;
    public const uint KeepCommand = 0x4004_4803;
    public const uint ReleaseCommand = 0x4004_4804;
    public const uint FreeCommand = 0x4004_4805;

    public const uint KeptFlag = 1;             // HYPERCALL_KEPT

    /// <summary><c>struct hypercall_about</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct About
    {
        public uint Abi;
        public uint Instruction;
        public ulong LargestBuffer;
        public ulong LargestTotal;
        public uint Buffers;
        public uint Reserved;
    }

    /// <summary><c>struct hypercall_buffer</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Buffer
    {
        public ulong Size;
        public ulong Gpa;
        public uint Id;
        public uint Flags;
    }

    /// <summary><c>struct hypercall_call</c>: its registers are in another order than a frame's.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Call
    {
        public ulong Rax;
        public ulong Rbx;
        public ulong Rcx;
        public ulong Rdx;
        public ulong Rsi;
        public ulong Rdi;
        public ulong Rbp;
        public ulong R8;
        public ulong R9;
        public ulong R10;
        public ulong R11;
        public ulong R12;
        public ulong R13;
        public ulong R14;
        public ulong R15;
        public uint Fault;
        public uint Reserved;

        public Call(in HypercallRegisters registers)
        {
            Rax = registers.Rax;
            Rbx = registers.Rbx;
            Rcx = registers.Rcx;
            Rdx = registers.Rdx;
            Rsi = registers.Rsi;
            Rdi = registers.Rdi;
            Rbp = registers.Rbp;
            R8 = registers.R8;
            R9 = registers.R9;
            R10 = registers.R10;
            R11 = registers.R11;
            R12 = registers.R12;
            R13 = registers.R13;
            R14 = registers.R14;
            R15 = registers.R15;
        }

        public readonly void CopyTo(ref HypercallRegisters registers)
        {
            registers.Rax = Rax;
            registers.Rbx = Rbx;
            registers.Rcx = Rcx;
            registers.Rdx = Rdx;
            registers.Rsi = Rsi;
            registers.Rdi = Rdi;
            registers.Rbp = Rbp;
            registers.R8 = R8;
            registers.R9 = R9;
            registers.R10 = R10;
            registers.R11 = R11;
            registers.R12 = R12;
            registers.R13 = R13;
            registers.R14 = R14;
            registers.R15 = R15;
        }
    }
}
