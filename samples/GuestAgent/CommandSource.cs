using System.Text;
using Hypercall;
using Hypercall.BitVisor;

namespace GuestAgent;

/// <summary>Takes commands from the VMM: each once, in their order.</summary>
public sealed class CommandSource(BitVisorClient vmm, IGuestMemory memory)
{
    private const int FirstSize = 256;
    private const int MostBytes = 1 << 20;
    private const int Attempts = 4;

    private int _size = FirstSize;
    private ulong _taken;

    /// <summary>Asks for the next command.</summary>
    /// <param name="problem">Why it is not known whether there is one; null if there is none.</param>
    /// <returns>The command; null if there is none, or none could be had.</returns>
    public string? TryTake(out string? problem)
    {
        problem = null;
        VmmLookup next = vmm.TryGetFunction(AgentAbi.CommandFunction);
        if (!next.IsFound)
        {
            problem = next.Message;
            return null;
        }

        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            if (!memory.TryAllocate(_size, new GuestBufferOptions { Residency = Residency.Locked, AllowFallback = true }, out GuestBuffer? buffer, out GuestMemoryRefusal? refusal))
            {
                problem = refusal.Message;
                return null;
            }

            using (buffer)
            {
                HypercallStatus status;
                HypercallResult answer;
                buffer.Touch(); // the VMM writes to no page that is absent or read-only
                using (buffer.EnterCall())
                {
                    status = next.Function.TryCall(out answer, buffer.Address.Value, (ulong)buffer.Length, _taken);
                }

                HypercallRegisters registers = answer.Registers;
                if (!status.IsCompleted || !AgentAbi.IsAnswer(in registers))
                {
                    problem = status.IsCompleted ? $"RAX is 0x{answer.Rax:x}, which is no answer of {AgentAbi.CommandFunction}." : status.ToException().Message;
                    _ = vmm.Forget(AgentAbi.CommandFunction); // its number may have changed
                    return null;
                }

                switch (answer.Rax)
                {
                    case AgentAbi.Done when answer.Rcx == 0:
                        return null;
                    case AgentAbi.Done when answer.Rcx <= (ulong)buffer.Length:
                        _taken++;
                        return Encoding.UTF8.GetString(buffer.Span[..(int)answer.Rcx]);
                    case AgentAbi.TooSmall when answer.Rcx is > FirstSize and <= MostBytes:
                        _size = (int)answer.Rcx;
                        break;
                }

                problem = $"The VMM could not hand its command over: RAX is 0x{answer.Rax:x}, RCX {answer.Rcx}.";
            }
        }

        return null;
    }
}
