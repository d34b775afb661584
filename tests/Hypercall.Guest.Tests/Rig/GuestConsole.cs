using System.Text;
using Hypercall.Guest.Tests.Processes;

namespace Hypercall.Guest.Tests.Rig;

/// <summary>
/// A guest with a prompt on a terminal, and somebody who types. Its thread is the one that made it: the guest ends with that.
/// </summary>
internal sealed class GuestConsole : IDisposable
{
    private static readonly TimeSpan TimeToTellItsState = TimeSpan.FromMinutes(1);

    private readonly PseudoTerminal _terminal = PseudoTerminal.Open();
    private readonly ProcessSession _session;
    private readonly StringBuilder _seen = new();
    private readonly Thread _reader;
    private readonly CancellationToken _cancellation;
    private long _heard = Environment.TickCount64;
    private int _read;

    /// <summary>Starts a guest.</summary>
    /// <param name="command">The command that boots it, on the terminal as on a person's.</param>
    /// <param name="cancellation">Ends waiting for it.</param>
    public GuestConsole(IReadOnlyList<string> command, CancellationToken cancellation = default)
    {
        _cancellation = cancellation;
        _session = ProcessSession.Start(Checkout.Root, ["sh", "-c", "SHELL=/bin/sh exec \"$@\" <\"$0\" >\"$0\" 2>&1", _terminal.Path, .. command]);
        _reader = new Thread(Listen) { IsBackground = true };
        _reader.Start();
    }

    /// <summary>The session of the guest's processes.</summary>
    public int Session => _session.Id;

    /// <summary>Everything that the console showed.</summary>
    public string Seen
    {
        get
        {
            lock (_seen)
            {
                return _seen.ToString();
            }
        }
    }

    /// <summary>Types.</summary>
    /// <param name="keys">What; an Enter is a carriage return.</param>
    public void Type(string keys) => _terminal.Screen.Write(Encoding.UTF8.GetBytes(keys));

    /// <summary>Waits for something to be shown after all that was waited for before.</summary>
    /// <param name="text">What.</param>
    /// <param name="limit">How long at most.</param>
    /// <param name="silence">How long at most while nothing at all is shown; null for no such limit.</param>
    /// <returns>What was shown from there up to its end.</returns>
    /// <exception cref="TimeoutException">It was not shown.</exception>
    public string Expect(string text, TimeSpan limit, TimeSpan? silence = null)
    {
        long end = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        lock (_seen)
        {
            while (true)
            {
                string rest = _seen.ToString(_read, _seen.Length - _read);
                int at = rest.IndexOf(text, StringComparison.Ordinal);
                if (at >= 0)
                {
                    _read += at + text.Length;
                    return rest[..(at + text.Length)];
                }

                _cancellation.ThrowIfCancellationRequested();
                long now = Environment.TickCount64;
                long left = end - now;
                string? why = !_reader.IsAlive ? "before it ended"
                    : left <= 0 ? $"within {limit.TotalSeconds:0} s"
                    : now - _heard > silence?.TotalMilliseconds ? $"before it said nothing for {silence.Value.TotalSeconds:0} s"
                    : null;
                if (why is not null)
                {
                    throw new TimeoutException($"The console did not show '{text}' {why}. It showed:\n{_seen}");
                }

                _ = Monitor.Wait(_seen, (int)Math.Min(left, 500));
            }
        }
    }

    /// <summary>Waits until the machine has ended.</summary>
    /// <param name="limit">How long at most.</param>
    /// <returns>The exit code of rig/boot; null when it did not end.</returns>
    public int? WaitForEnd(TimeSpan limit) => _session.WaitForExit(limit) ? _session.ExitCode : null;

    /// <summary>Ends a machine that does not do as it should: it tells its state, which is shown, too.</summary>
    public void GiveUp()
    {
        _session.End(TimeToTellItsState);
        _ = _reader.Join(TimeSpan.FromSeconds(5));
    }

    public void Dispose()
    {
        _session.Dispose();
        _terminal.Dispose();
    }

    private void Listen()
    {
        byte[] buffer = new byte[4096];
        try
        {
            while (_terminal.Screen.Read(buffer) is > 0 and int count)
            {
                lock (_seen)
                {
                    _ = _seen.Append(Encoding.Latin1.GetString(buffer, 0, count));
                    _heard = Environment.TickCount64;
                    Monitor.PulseAll(_seen);
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // EIO: nobody has the terminal open any more.
        }
    }
}
