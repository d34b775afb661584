using System.Text;

namespace Hypercall.Testing;

/// <summary>
/// The fake VMM's debug shell, <c>dbgsh</c>: <c>vmm.On("dbgsh", new FakeShell().AddCommand("uptime", _ => "3
/// days\n").Answer)</c>.
/// </summary>
/// <remarks>
/// <code>
/// in, RBX:   -1 nothing   1..255 a key   0x100 the NUL key   0 "I took the character"
/// out, RAX:  -1 nothing yet   0 the shell wants a key   1..255, 0x100 (NUL) a character   0x10A the shell ended
/// </code>
/// <para>
/// It echoes what is typed, and knows <c>help</c> and <c>exit</c>. A character, and the end, stay until they are acknowledged. A
/// key acknowledges too, and is lost. There is one shell for the whole guest: a second program gets what the first one left.
/// </para>
/// <para>Source: matsu/bitvisor, core/vmmcall_dbgsh.c. Safe to use from any number of threads.</para>
/// </remarks>
public sealed class FakeShell
{
    private const ulong Nothing = ulong.MaxValue;
    private const ulong WantsKey = 0;
    private const ulong Nul = 0x100;
    private const ulong ShellEnded = 0x10A;
    private const int LongestLine = 255;
    private const string Prompt = "> ";
    private const string Disabled = "dbgsh is disabled by \"config.vmm.dbgsh\".\n";

    private readonly Lock _gate = new();
    private readonly Queue<ulong> _answers = []; // what is to be said before the shell wants a key again
    private readonly StringBuilder _line = new();
    private readonly List<(string Name, string Purpose, Func<string, string> Run)> _commands = [];
    private bool _isStarted;

    /// <summary>
    /// Whether the VMM's configuration (<c>vmm.dbgsh</c>) turns the shell on. The default is true. A shell that is turned off
    /// prints a message that says so, and ends. Set it before the first call.
    /// </summary>
    public bool IsEnabled { get; set; } = true;

    /// <summary>Adds a command, or replaces one; <c>exit</c> and <c>help</c> are there from the start.</summary>
    /// <param name="name">Its name: what stands before the first blank of a line.</param>
    /// <param name="run">Gets the rest of the line without the blanks around it, and gives what the shell prints, in Latin-1; it
    /// may end with a line feed.</param>
    /// <param name="purpose">What <c>help</c> says about it.</param>
    /// <returns>This shell.</returns>
    /// <exception cref="ArgumentException">The name is empty or has a blank, or is <c>exit</c>.</exception>
    public FakeShell AddCommand(string name, Func<string, string> run, string purpose = "")
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(purpose);
        if (name.Any(char.IsWhiteSpace) || name == "exit")
        {
            throw new ArgumentException($"'{name}' can be no command: a name has no blanks, and 'exit' ends the shell.", nameof(name));
        }

        lock (_gate)
        {
            _ = _commands.RemoveAll(command => command.Name == name);
            _commands.Add((name, purpose, run));
        }

        return this;
    }

    /// <summary>Answers one call.</summary>
    /// <param name="call">The call.</param>
    public void Answer(FakeCall call)
    {
        ArgumentNullException.ThrowIfNull(call);
        lock (_gate)
        {
            if (_isStarted)
            {
                Receive(call.Rbx);
            }
            else
            {
                Start(); // whatever was sent: there was nobody to take it
            }

            call.Rax = Next();
        }
    }

    private void Start()
    {
        _isStarted = true;
        if (IsEnabled)
        {
            Print(Prompt);
            return;
        }

        Print(Disabled);
        _answers.Enqueue(ShellEnded);
    }

    private void Receive(ulong sent)
    {
        if (sent == Nothing)
        {
            return;
        }

        if (_answers.TryPeek(out ulong pending))
        {
            if (pending != Nothing)
            {
                _ = _answers.Dequeue();
                if (pending == ShellEnded)
                {
                    Start(); // the next session
                }
            }
        }
        else if (sent is Nul or (>= 1 and <= byte.MaxValue))
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

        string line = _line.ToString().Trim();
        _ = _line.Clear();
        _answers.Enqueue(Nothing); // a shell has to think
        if (line == "exit")
        {
            _answers.Enqueue(ShellEnded);
            return;
        }

        Print(Run(line));
        Print(Prompt);
    }

    private string Run(string line)
    {
        int blank = line.IndexOf(' ', StringComparison.Ordinal);
        string name = blank < 0 ? line : line[..blank];
        string arguments = blank < 0 ? "" : line[blank..].Trim();
        return (name, _commands.FindIndex(command => command.Name == name)) switch
        {
            ("", _) => "",
            (_, var own) when own >= 0 => _commands[own].Run(arguments),
            ("help", _) => Help(),
            _ => $"{line}: unknown command, try help\n",
        };
    }

    private string Help()
    {
        StringBuilder text = new("help: prints this\nexit: ends the shell\n");
        foreach ((string name, string purpose, _) in _commands)
        {
            _ = text.Append(name).Append(purpose.Length == 0 ? "" : ": ").Append(purpose).Append('\n');
        }

        return text.ToString();
    }

    private void Print(string text)
    {
        foreach (char c in text)
        {
            _answers.Enqueue(c switch { '\0' => Nul, <= (char)byte.MaxValue => c, _ => '?' });
        }
    }
}
