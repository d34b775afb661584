using Hypercall;

namespace GuestAgent;

/// <summary>
/// What this agent and its VMM agreed on: two functions by name, each handed memory by virtual address (RBX, and RCX bytes).
/// </summary>
/// <remarks>
/// <code>
///   agent_log       RDX = number of the first line, from 0.    RAX = 0: RCX bytes were read, all or part, RDX = not RCX
///                                                              A line whose number the VMM has already is not logged again.
///   agent_command   RDX = how many commands were taken so far. RAX = 0: RCX bytes of the next one, 0 for none;  RDX = not RCX
///                                                              RAX = -2: RCX bytes are needed;                  RDX = not RCX
///                                                              RAX = -3: a page was absent or read-only;        RDX = not RCX
/// </code>
/// RDX is how an answer is told from none: a VMM that refuses leaves RAX as it was, one that does not know the number writes 0
/// there and nothing else. And because an answer can be lost after the work was done, both sides count: to ask again is always
/// right.
/// </remarks>
public static class AgentAbi
{
    public const string LogFunction = "agent_log";

    public const string CommandFunction = "agent_command";

    public const ulong Done = 0;

    public const ulong TooSmall = unchecked((ulong)-2L);

    public const ulong NotWritable = unchecked((ulong)-3L);

    /// <summary>Reads the answer of <see cref="LogFunction"/>.</summary>
    public static TransferRule Rule { get; } = TransferRule.Create("bytes in RCX, where RDX vouches for it", static (in registers, length) =>
        IsAnswer(in registers) && registers.Rax == Done && registers.Rcx <= (ulong)length
            ? TransferAnswer.Done((long)registers.Rcx)
            : TransferAnswer.Failed($"RAX is 0x{registers.Rax:x}, which is no answer of {LogFunction}: the VMM refused, or another one answered."));

    /// <summary>Whether the function wrote these registers.</summary>
    public static bool IsAnswer(in HypercallRegisters registers) => registers.Rdx == ~registers.Rcx;
}
