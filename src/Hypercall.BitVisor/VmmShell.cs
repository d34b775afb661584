using System.Diagnostics;
using System.Text;

namespace Hypercall.BitVisor;

/// <summary>
/// A session with the VMM's debug shell, function <c>dbgsh</c>: bytes from an input go to the shell, what the shell prints goes
/// to an output.
/// </summary>
/// <remarks>
/// <code>
/// in, RBX:   -1 nothing   1..255 a key   0x100 the NUL key   0 "I took the character"
/// out, RAX:  -1 nothing yet   0 the shell wants a key   1..255, 0x100 (NUL) a character   0x10A the shell ended
/// </code>
/// A character stays until it is acknowledged, so nothing is lost when a session stops: it is acknowledged after it was written,
/// and before the session ends. The whole guest has one shell: another caller's pending character is this session's first.
/// Source: matsu/bitvisor, <c>dbgsh</c>.
/// </remarks>
public sealed class VmmShell
{
    private const string FunctionName = "dbgsh";
    private const ulong Nothing = ulong.MaxValue;
    private const ulong WantsKey = 0;
    private const ulong Taken = 0;
    private const ulong Nul = 0x100;
    private const ulong ShellEnded = 0x10A;
    private const int LongestMessage = 1024; // enough to be told that the shell is disabled
    private const int LongestWait = 16; // milliseconds between two questions to a shell that is busy

    private readonly BitVisorClient _vmm;

    /// <summary>Makes a client. Nothing is called before a session runs.</summary>
    /// <param name="vmm">The VMM.</param>
    public VmmShell(BitVisorClient vmm)
    {
        ArgumentNullException.ThrowIfNull(vmm);
        _vmm = vmm;
    }

    /// <summary>Runs a session until the shell or the input ends.</summary>
    /// <param name="input">Keys, a byte each. It is read only when the shell wants a key, one byte at a time.</param>
    /// <param name="output">Takes what the shell prints, and is flushed before a key is read.</param>
    /// <param name="cancellationToken">Ends the session. A read of the input that blocks is not interrupted: use
    /// <see cref="RunAsync"/> for that.</param>
    /// <returns>How the session ended.</returns>
    /// <exception cref="VmmFunctionNotFoundException">The VMM has no shell.</exception>
    /// <exception cref="ForeignVmmException">A VMM answered in another ABI.</exception>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the instruction.</exception>
    /// <exception cref="HypercallRefusedException">The channel itself refused the call.</exception>
    /// <exception cref="VmmFunctionFailedException">The shell answered what the ABI does not know.</exception>
    /// <exception cref="OperationCanceledException">The session was cancelled. Nothing that the shell printed is
    /// lost.</exception>
    public VmmShellOutcome Run(Stream input, Stream output, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        Session session = new(_vmm.GetFunction(FunctionName));
        byte[] one = new byte[1];
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested(); // what is not acknowledged yet stays for the next session
            switch (session.Next())
            {
                case Step.Character:
                    output.WriteByte(session.Character);
                    session.Acknowledge();
                    break;
                case Step.Key:
                    output.Flush();
                    if (input.Read(one) == 0)
                    {
                        return VmmShellOutcome.EndOfInput;
                    }

                    session.Press(one[0]);
                    break;
                case Step.Wait:
                    output.Flush();
                    _ = cancellationToken.WaitHandle.WaitOne(session.WaitMilliseconds);
                    break;
                default:
                    output.Flush();
                    return session.Outcome;
            }
        }
    }

    /// <summary>Runs a session until the shell or the input ends.</summary>
    /// <param name="input">Keys, a byte each. It is read only when the shell wants a key, one byte at a time.</param>
    /// <param name="output">Takes what the shell prints, and is flushed before a key is read.</param>
    /// <param name="cancellationToken">Ends the session.</param>
    /// <returns>How the session ended.</returns>
    /// <exception cref="VmmFunctionNotFoundException">The VMM has no shell.</exception>
    /// <exception cref="ForeignVmmException">A VMM answered in another ABI.</exception>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the instruction.</exception>
    /// <exception cref="HypercallRefusedException">The channel itself refused the call.</exception>
    /// <exception cref="VmmFunctionFailedException">The shell answered what the ABI does not know.</exception>
    /// <exception cref="OperationCanceledException">The session was cancelled. Nothing that the shell printed is
    /// lost.</exception>
    public async Task<VmmShellOutcome> RunAsync(Stream input, Stream output, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        Session session = new(_vmm.GetFunction(FunctionName));
        byte[] one = new byte[1];
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested(); // what is not acknowledged yet stays for the next session
            switch (session.Next())
            {
                case Step.Character:
                    // The token stays out of it: a write given up half way would leave open whether the character is to be
                    // acknowledged.
                    one[0] = session.Character;
                    await output.WriteAsync(one, CancellationToken.None).ConfigureAwait(false);
                    session.Acknowledge();
                    break;
                case Step.Key:
                    await output.FlushAsync(cancellationToken).ConfigureAwait(false);
                    if (await input.ReadAsync(one, cancellationToken).ConfigureAwait(false) == 0)
                    {
                        return VmmShellOutcome.EndOfInput;
                    }

                    session.Press(one[0]);
                    break;
                case Step.Wait:
                    await output.FlushAsync(cancellationToken).ConfigureAwait(false);
                    await Task.Delay(session.WaitMilliseconds, cancellationToken).ConfigureAwait(false);
                    break;
                default:
                    await output.FlushAsync(CancellationToken.None).ConfigureAwait(false);
                    return session.Outcome;
            }
        }
    }

    private enum Step
    {
        Wait,
        Key,
        Character,
        End,
    }

    /// <summary>The protocol, without input, output or waiting.</summary>
    private sealed class Session(HypercallFunction shell)
    {
        private readonly StringBuilder _beginning = new();
        private ulong _state;
        private bool _isKnown; // whether _state is the shell's answer to what was sent last
        private bool _wantedKey;
        private int _waits;

        public byte Character { get; private set; }

        public VmmShellOutcome Outcome { get; private set; }

        public int WaitMilliseconds => Math.Min(LongestWait, _waits - 1);

        public Step Next()
        {
            if (!_isKnown)
            {
                Send(Nothing);
            }

            _isKnown = false;
            switch (_state)
            {
                case Nothing when _waits++ == 0:
                    return Next(); // BitVisor says it once after each acknowledged character, and has the next one ready
                case Nothing:
                    return Step.Wait;
                case WantsKey:
                    _waits = 0;
                    _wantedKey = true;
                    return Step.Key;
                case ShellEnded:
                    Send(Taken); // its answer belongs to the next session
                    bool saysSo = !_wantedKey && _beginning.ToString().Contains("disabled", StringComparison.OrdinalIgnoreCase);
                    Outcome = saysSo ? VmmShellOutcome.Disabled : VmmShellOutcome.Ended;
                    return Step.End;
                case Nul or (>= 1 and <= byte.MaxValue):
                    _waits = 0;
                    Character = (byte)_state; // the low byte of Nul is 0
                    if (_beginning.Length < LongestMessage)
                    {
                        _ = _beginning.Append((char)Character);
                    }

                    return Step.Character;
                default:
                    throw new VmmFunctionFailedException(
                        FunctionName, $"It answered RAX = 0x{_state:x}, which is no character, no request for a key and no end. Is this VMM's dbgsh another function?");
            }
        }

        public void Acknowledge() => Send(Taken);

        public void Press(byte key) => Send(key == 0 ? Nul : key);

        private void Send(ulong rbx)
        {
            Debug.Assert(!_isKnown || rbx != Nothing, "An answer that is known must be dealt with first.");
            _state = shell.Call(rbx).Value;
            _isKnown = true;
        }
    }
}
