using System.Text;
using Hypercall;
using Hypercall.Testing;

namespace GuestAgent.Tests;

/// <summary>The VMM's side of <see cref="AgentAbi"/>, as one would write it in a real VMM.</summary>
internal sealed class AgentVmm(params string[] commands)
{
    private readonly List<byte> _log = [];
    private ulong _lines;

    /// <summary>What was logged.</summary>
    public string[] Log => Encoding.UTF8.GetString([.. _log]).Split('\n')[..^1];

    public FakeMachine AddTo(FakeMachine vmm) => vmm.On(AgentAbi.LogFunction, TakeLines).On(AgentAbi.CommandFunction, GiveCommand);

    private void TakeLines(FakeCall call)
    {
        byte[] bytes = new byte[Math.Min(call.Rcx, 1 << 20)];
        bool all = call.TryReadVirtual(new GuestVirtualAddress(call.Rbx), bytes, out int done);
        if (all)
        {
            ulong number = call.Rdx;
            for (ReadOnlySpan<byte> rest = bytes; !rest.IsEmpty; number++)
            {
                int length = rest.IndexOf((byte)'\n') + 1;
                if (number == _lines)
                {
                    _log.AddRange(rest[..length]);
                    _lines++;
                }

                rest = rest[length..];
            }
        }

        Answer(call, AgentAbi.Done, (ulong)done);
    }

    private void GiveCommand(FakeCall call)
    {
        if (call.Rdx >= (ulong)commands.Length)
        {
            Answer(call, AgentAbi.Done, 0);
            return;
        }

        byte[] command = Encoding.UTF8.GetBytes(commands[call.Rdx]);
        if ((ulong)command.Length > call.Rcx)
        {
            Answer(call, AgentAbi.TooSmall, (ulong)command.Length);
        }
        else
        {
            bool all = call.TryWriteVirtual(new GuestVirtualAddress(call.Rbx), command, out int done);
            Answer(call, all ? AgentAbi.Done : AgentAbi.NotWritable, (ulong)done);
        }
    }

    private static void Answer(FakeCall call, ulong rax, ulong rcx)
    {
        call.Rax = rax;
        call.Rcx = rcx;
        call.Rdx = ~rcx;
    }
}
