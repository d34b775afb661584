using System.Text;
using Hypercall.BitVisor;

namespace Hypercall.Tests.BitVisor;

public class VmmShellTests
{
    private const string DisabledMessage = "dbgsh is disabled by \"config.vmm.dbgsh\".\n";

    public static TheoryData<bool> SyncAndAsync => [false, true];

    [Theory]
    [MemberData(nameof(SyncAndAsync))]
    public async Task Keys_go_in_and_characters_come_out(bool async)
    {
        ScriptedShell shell = new() { Exits = "exit" };
        (VmmShellOutcome outcome, string output) = await Run(shell, "help\nexit\n", async);
        Assert.Equal((VmmShellOutcome.Ended, "> you typed help\n> "), (outcome, output));
    }

    [Theory]
    [MemberData(nameof(SyncAndAsync))]
    public async Task End_of_input_ends_the_session_instead_of_spinning(bool async)
    {
        ScriptedShell shell = new();
        (VmmShellOutcome outcome, string output) = await Run(shell, "help\n", async);
        Assert.Equal((VmmShellOutcome.EndOfInput, "> you typed help\n> "), (outcome, output));
        Assert.InRange(shell.Calls, 1, 200);
    }

    [Theory]
    [MemberData(nameof(SyncAndAsync))]
    public async Task A_disabled_shell_says_so_and_is_told_apart(bool async)
    {
        ScriptedShell shell = new() { Disabled = true };
        Assert.Equal((VmmShellOutcome.Disabled, DisabledMessage), await Run(shell, "help\n", async));
        Assert.Equal((VmmShellOutcome.Disabled, DisabledMessage), await Run(shell, "help\n", async)); // and from its first character again
    }

    [Theory]
    [MemberData(nameof(SyncAndAsync))]
    public async Task Another_callers_pending_character_is_not_lost(bool async)
    {
        ScriptedShell shell = new();
        shell.Print("left over ");
        (_, string output) = await Run(shell, "", async);
        Assert.Equal("left over > ", output);
    }

    [Theory]
    [MemberData(nameof(SyncAndAsync))]
    public async Task An_exit_that_another_caller_left_is_an_end_not_a_refusal(bool async)
    {
        ScriptedShell shell = new();
        shell.End();
        Assert.Equal((VmmShellOutcome.Ended, ""), await Run(shell, "", async));
    }

    [Theory]
    [MemberData(nameof(SyncAndAsync))]
    public async Task Every_byte_passes_both_ways(bool async)
    {
        ScriptedShell shell = new() { Echo = true };
        string all = Encoding.Latin1.GetString([.. Enumerable.Range(0, 256).Select(i => (byte)i)]);
        (_, string output) = await Run(shell, all, async);
        Assert.Equal("> " + all, output);
    }

    [Theory]
    [MemberData(nameof(SyncAndAsync))]
    public async Task A_shell_that_is_busy_is_asked_again(bool async)
    {
        ScriptedShell shell = new() { BusyFor = 3 };
        Assert.Equal((VmmShellOutcome.EndOfInput, "> "), await Run(shell, "", async));
    }

    [Theory]
    [MemberData(nameof(SyncAndAsync))]
    public async Task Cancellation_ends_a_session_with_a_busy_shell(bool async)
    {
        using CancellationTokenSource cancellation = new();
        ScriptedShell shell = new() { BusyFor = int.MaxValue, OnCall = calls => { if (calls == 3) { cancellation.Cancel(); } } };
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Run(shell, "", async, cancellation.Token));
    }

    [Theory]
    [MemberData(nameof(SyncAndAsync))]
    public async Task What_was_not_written_when_cancelled_is_the_next_sessions_first(bool async)
    {
        using CancellationTokenSource cancellation = new();
        ScriptedShell shell = new();
        shell.Print("abcdefgh");
        shell.OnCall = calls => { if (calls == 4) { cancellation.Cancel(); } };
        using MemoryStream first = new();
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Run(shell, new MemoryStream(), first, async, cancellation.Token));
        shell.OnCall = null;
        (_, string rest) = await Run(shell, "", async);
        Assert.Equal("abcdefgh> ", Encoding.Latin1.GetString(first.ToArray()) + rest);
    }

    [Theory]
    [MemberData(nameof(SyncAndAsync))]
    public async Task A_character_that_could_not_be_written_is_not_acknowledged(bool async)
    {
        ScriptedShell shell = new();
        shell.Print("abc");
        using MemoryStream closed = new(new byte[1]); // room for one byte
        _ = await Assert.ThrowsAsync<NotSupportedException>(() => Run(shell, new MemoryStream(), closed, async, default));
        (_, string rest) = await Run(shell, "", async);
        Assert.Equal("bc> ", rest);
    }

    [Theory]
    [InlineData(0x10B)]
    [InlineData(0x101)]
    [InlineData(0xFFFF_FFFF)] // -1 in 32 bits: not an answer of this ABI
    public void An_answer_that_the_ABI_does_not_know_is_an_error(ulong rax)
    {
        ScriptedMachine machine = ScriptedMachine.Answering(30, rax);
        VmmFunctionFailedException e = Assert.Throws<VmmFunctionFailedException>(
            () => new VmmShell(new BitVisorClient(machine)).Run(Stream.Null, Stream.Null));
        Assert.Contains($"0x{rax:x}", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_VMM_without_a_shell_is_an_error_of_its_own()
    {
        ScriptedMachine machine = ScriptedMachine.Answering(0, 0, 0);
        _ = Assert.Throws<VmmFunctionNotFoundException>(() => new VmmShell(new BitVisorClient(machine)).Run(Stream.Null, Stream.Null));
    }

    [Theory]
    [MemberData(nameof(SyncAndAsync))]
    public async Task A_shell_that_speaks_of_disabled_things_before_its_prompt_and_then_takes_keys_is_not_disabled(bool async)
    {
        ScriptedShell shell = new() { Exits = "exit" };
        shell.Print("logging is disabled\n");
        Assert.Equal(VmmShellOutcome.Ended, (await Run(shell, "exit\n", async)).Outcome);
    }

    [Theory]
    [MemberData(nameof(SyncAndAsync))]
    public async Task A_character_or_a_key_costs_one_call(bool async)
    {
        ScriptedShell shell = new();
        shell.Print("abc");
        _ = await Run(shell, "xy", async);
        Assert.Equal(1 + "abc".Length + "> ".Length + "xy".Length, shell.Calls);
    }

    [Theory]
    [MemberData(nameof(SyncAndAsync))]
    public async Task What_the_shell_printed_is_seen_before_a_key_is_read_while_it_is_busy_and_at_the_end(bool async)
    {
        ScriptedShell shell = new() { Exits = "x", BusyFor = 2 };
        using FlushedStream output = new();
        using MemoryStream input = new("x\n"u8.ToArray());
        Assert.Equal(VmmShellOutcome.Ended, await Run(shell, input, output, async, default));
        Assert.Equal([0L, 2, 2, 2], output.FlushedAt); // busy, "> ", x, end
    }

    [Theory]
    [MemberData(nameof(SyncAndAsync))]
    public async Task A_shell_that_says_nothing_once_after_each_character_is_not_waited_for(bool async)
    {
        ScriptedShell shell = new() { SaysNothingOnce = true };
        using FlushedStream output = new(); // it is flushed before each wait
        shell.Print(new string('a', 100));
        Assert.Equal(VmmShellOutcome.EndOfInput, await Run(shell, new MemoryStream(), output, async, default));
        Assert.Equal([102L], output.FlushedAt); // before the key
        Assert.Equal(1 + 2 * 102, shell.Calls);
    }

    [Theory]
    [MemberData(nameof(SyncAndAsync))]
    public async Task A_session_that_is_cancelled_before_it_begins_asks_for_nothing(bool async)
    {
        ScriptedShell shell = new();
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Run(shell, "", async, new CancellationToken(canceled: true)));
        Assert.Equal(0, shell.Calls);
    }

    private static async Task<(VmmShellOutcome Outcome, string Output)> Run(ScriptedShell shell, string keys, bool async, CancellationToken cancellation = default)
    {
        using MemoryStream input = new(Encoding.Latin1.GetBytes(keys));
        using MemoryStream output = new();
        VmmShellOutcome outcome = await Run(shell, input, output, async, cancellation);
        return (outcome, Encoding.Latin1.GetString(output.ToArray()));
    }

    private static async Task<VmmShellOutcome> Run(ScriptedShell shell, Stream input, Stream output, bool async, CancellationToken cancellation)
    {
        VmmShell client = new(new BitVisorClient(shell.Machine));
        return async ? await client.RunAsync(input, output, cancellation) : client.Run(input, output, cancellation);
    }

    /// <summary>Notes how much was written whenever it is flushed.</summary>
    private sealed class FlushedStream : MemoryStream
    {
        public List<long> FlushedAt { get; } = [];

        public override void Flush() => FlushedAt.Add(Length);

        public override Task FlushAsync(CancellationToken cancellationToken)
        {
            Flush();
            return Task.CompletedTask;
        }
    }

    /// <summary>The protocol's other side: what a VMM keeps between calls.</summary>
    private sealed class ScriptedShell
    {
        private const ulong Number = 30;
        private readonly Queue<ulong> _pending = [];
        private readonly StringBuilder _line = new();
        private bool _prompted;
        private int _disabledAt;

        public ScriptedShell() => Machine = new ScriptedMachine { OnInvoke = Invoke };

        public ScriptedMachine Machine { get; }

        public bool Disabled { get; init; }

        public bool Echo { get; init; }

        public string? Exits { get; init; }

        /// <summary>As BitVisor's: -1 once after each acknowledged character.</summary>
        public bool SaysNothingOnce { get; init; }

        public int BusyFor { get; set; }

        public Action<int>? OnCall { get; set; }

        public int Calls { get; private set; }

        public void Print(string text)
        {
            foreach (byte c in Encoding.Latin1.GetBytes(text))
            {
                _pending.Enqueue(c == 0 ? 0x100ul : c);
            }
        }

        public void End() => _pending.Enqueue(0x10A);

        private HypercallStatus Invoke(ref HypercallRegisters registers)
        {
            if (registers.Rax == 0)
            {
                registers.Rax = Number;
                return HypercallStatus.Completed;
            }

            Calls++;
            OnCall?.Invoke(Calls);
            registers.Rax = Disabled ? AnswerDisabled(registers.Rbx) : Answer(registers.Rbx);
            return HypercallStatus.Completed;
        }

        /// <summary>As BitVisor's: each call but -1 goes one character on, and after the end begins anew.</summary>
        private ulong AnswerDisabled(ulong rbx)
        {
            _disabledAt = rbx == ulong.MaxValue ? _disabledAt : (_disabledAt + 1) % (DisabledMessage.Length + 1);
            return _disabledAt == DisabledMessage.Length ? 0x10Aul : (ulong)DisabledMessage[_disabledAt];
        }

        private ulong Answer(ulong rbx)
        {
            if (BusyFor > 0)
            {
                BusyFor--;
                return ulong.MaxValue;
            }

            if (_pending.Count != 0)
            {
                if (rbx == 0)
                {
                    bool ended = _pending.Dequeue() == 0x10A;
                    if (ended || SaysNothingOnce)
                    {
                        return ulong.MaxValue;
                    }
                }
            }
            else if (rbx != ulong.MaxValue && rbx != 0)
            {
                Key((byte)rbx);
            }

            if (_pending.Count == 0 && !_prompted)
            {
                Print("> ");
                _prompted = true;
            }

            return _pending.Count != 0 ? _pending.Peek() : 0;
        }

        private void Key(byte key)
        {
            if (Echo)
            {
                _pending.Enqueue(key == 0 ? 0x100ul : key);
            }
            else if (key != '\n')
            {
                _ = _line.Append((char)key);
            }
            else if (_line.ToString() == Exits)
            {
                _ = _line.Clear();
                End();
            }
            else
            {
                Print($"you typed {_line}\n");
                _ = _line.Clear();
                _prompted = false;
            }
        }
    }
}
