using System.Text;

namespace Hypercall.Conformance.Fake;

/// <summary>The rig's <c>dbgsh</c> on the fake machine: help, stats and exit.</summary>
internal sealed class FakeRigShell
{
    private const ulong Nothing = ulong.MaxValue;
    private const ulong Nul = 0x100;
    private const ulong ShellEnded = 0x10A;

    private readonly Queue<ulong> _answers = []; // a character, and the end, stay until they are acknowledged
    private readonly StringBuilder _line = new();
    private bool _isStarted;
    private ulong _mode;

    public ulong SetMode(ulong mode)
    {
        (ulong old, _mode) = (_mode, mode);
        (_isStarted, _) = (false, _line.Clear());
        _answers.Clear();
        return old;
    }

    public ulong Answer(ulong sent)
    {
        if (!_isStarted)
        {
            _isStarted = true;
            Print(_mode == 0 ? "> " : "The shell is disabled by configuration.\n");
            if (_mode != 0)
            {
                _answers.Enqueue(ShellEnded);
            }
        }

        if (sent == 0 && _answers.TryPeek(out ulong taken) && taken != Nothing)
        {
            _ = _answers.Dequeue();
            _isStarted = taken != ShellEnded;
        }
        else if (sent is Nul or (>= 1 and <= 255) && _answers.Count == 0)
        {
            Press(sent);
        }

        if (!_answers.TryPeek(out ulong answer))
        {
            return _isStarted ? 0 : Answer(Nothing);
        }

        if (answer == Nothing)
        {
            _ = _answers.Dequeue();
        }

        return answer;
    }

    private void Press(ulong key)
    {
        _answers.Enqueue(key);
        if (key != '\n')
        {
            _ = _line.Append((char)(key & 0xFF));
            return;
        }

        string command = _line.ToString().Trim();
        _ = _line.Clear();
        _answers.Enqueue(Nothing);
        if (command == "exit")
        {
            _answers.Enqueue(ShellEnded);
            return;
        }

        Print(command switch
        {
            "" => "",
            "help" => "help: prints this\nstats: counts\nexit: ends the shell\n",
            "stats" => "exits: 1\n",
            _ => $"{command}: unknown command, try help\n",
        });
        Print("> ");
    }

    private void Print(string text)
    {
        foreach (char c in text)
        {
            _answers.Enqueue(c == '\0' ? Nul : c);
        }
    }
}
