using System.Text;
using Hypercall.Testing;

namespace Hypercall.Cli.Machines;

/// <summary>The fake VMM's <c>dbgsh</c>: a shell that knows two commands, and echoes what is typed, as the real one does.</summary>
/// <remarks>
/// <code>
/// in, RBX:   -1 nothing   1..255 a key   0x100 the NUL key   0 "I took the character"
/// out, RAX:  -1 nothing yet   0 the shell wants a key   1..255, 0x100 (NUL) a character   0x10A the shell ended
/// </code>
/// A character, and the end, stay until they are acknowledged; a key that comes meanwhile is lost. There is one shell for the whole guest.
/// </remarks>
internal sealed class FakeShell
{
    public const string Prompt = "> ";
    public const string Help = "help: prints this\nexit: ends the shell\n";

    private const ulong Nothing = ulong.MaxValue;
    private const ulong WantsKey = 0;
    private const ulong Taken = 0;
    private const ulong Nul = 0x100;
    private const ulong ShellEnded = 0x10A;
    private const int LongestLine = 255;

    private readonly Lock _gate = new();
    private readonly Queue<ulong> _answers = []; // what is to be said before the shell wants a key again
    private readonly StringBuilder _line = new();
    private bool _isStarted;

    public void Answer(FakeCall call)
    {
        lock (_gate)
        {
            if (!_isStarted)
            {
                _isStarted = true;
                Print(Prompt);
            }

            Receive(call.Rbx);
            call.Rax = Next();
        }
    }

    private void Receive(ulong sent)
    {
        if (sent == Taken && _answers.TryPeek(out ulong taken) && taken != Nothing)
        {
            _ = _answers.Dequeue();
            _isStarted = taken != ShellEnded;
        }
        else if (sent is Nul or (>= 1 and <= byte.MaxValue) && _answers.Count == 0)
        {
            Press(sent);
        }
    }

    private ulong Next()
    {
        ulong answer = _answers.TryPeek(out ulong first) ? first : WantsKey;
        if (answer == Nothing)
        {
            _ = _answers.Dequeue(); // said once, and nobody acknowledges it
        }

        return answer;
    }

    private void Press(ulong key)
    {
        _answers.Enqueue(key); // the echo
        if (key != '\n')
        {
            _ = _line.Length < LongestLine ? _line.Append((char)(key & byte.MaxValue)) : _line;
            return;
        }

        string command = _line.ToString().Trim();
        _ = _line.Clear();
        _answers.Enqueue(Nothing); // a shell has to think
        if (command == "exit")
        {
            _answers.Enqueue(ShellEnded);
            return;
        }

        Print(command switch
        {
            "" => "",
            "help" => Help,
            _ => $"{command}: unknown command, try help\n",
        });
        Print(Prompt);
    }

    private void Print(string text)
    {
        foreach (char c in text)
        {
            _answers.Enqueue(c == '\0' ? Nul : c);
        }
    }
}
