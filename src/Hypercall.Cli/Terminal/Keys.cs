namespace Hypercall.Cli.Terminal;

/// <summary>The keys of a session: bytes of a pipe or a file, or what a person types, one at a time and not echoed.</summary>
internal sealed class Keys : IDisposable
{
    private const byte EndOfTransmission = 4; // Ctrl-D

    private readonly IDisposable? _terminal;

    private Keys(PatientInput stream, IDisposable? terminal)
    {
        Stream = stream;
        _terminal = terminal;
    }

    public PatientInput Stream { get; }

    /// <summary>Opens standard input. A terminal is in raw mode until the keys are disposed.</summary>
    public static Keys Open(CliHost host)
    {
        if (!host.InputIsTerminal)
        {
            return new Keys(new PatientInput(host.OpenInput(), atOnce: 1), terminal: null);
        }

        // Console.ReadKey would do on Linux too, but between two keys it leaves the terminal's echo on.
        return OperatingSystem.IsLinux()
            ? new Keys(new PatientInput(RawTerminal.OpenInput(), atOnce: 1, EndOfTransmission), RawTerminal.Enter())
            : new Keys(new PatientInput(new ConsoleKeyStream(), atOnce: 1, EndOfTransmission), terminal: null);
    }

    public void Dispose() => _terminal?.Dispose();
}
