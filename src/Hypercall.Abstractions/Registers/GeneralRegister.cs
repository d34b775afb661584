namespace Hypercall;

/// <summary>
/// A general-purpose register other than RSP, numbered as the CPU encodes it (Intel SDM vol. 2A, section 2.2.1.2 and
/// table 2-8; AMD APM vol. 3, section 1.2.7). Number 4 is RSP, which carries no argument and is left out.
/// </summary>
public enum GeneralRegister
{
    /// <summary>RAX, register number 0.</summary>
    Rax = 0,

    /// <summary>RCX, register number 1.</summary>
    Rcx = 1,

    /// <summary>RDX, register number 2.</summary>
    Rdx = 2,

    /// <summary>RBX, register number 3.</summary>
    Rbx = 3,

    /// <summary>RBP, register number 5.</summary>
    Rbp = 5,

    /// <summary>RSI, register number 6.</summary>
    Rsi = 6,

    /// <summary>RDI, register number 7.</summary>
    Rdi = 7,

    /// <summary>R8, register number 8.</summary>
    R8 = 8,

    /// <summary>R9, register number 9.</summary>
    R9 = 9,

    /// <summary>R10, register number 10.</summary>
    R10 = 10,

    /// <summary>R11, register number 11.</summary>
    R11 = 11,

    /// <summary>R12, register number 12.</summary>
    R12 = 12,

    /// <summary>R13, register number 13.</summary>
    R13 = 13,

    /// <summary>R14, register number 14.</summary>
    R14 = 14,

    /// <summary>R15, register number 15.</summary>
    R15 = 15,
}
