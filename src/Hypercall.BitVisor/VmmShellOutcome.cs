namespace Hypercall.BitVisor;

/// <summary>How a session with the VMM's shell ended.</summary>
public enum VmmShellOutcome
{
    /// <summary>The shell ended, as its command <c>exit</c> makes it.</summary>
    Ended,

    /// <summary>There was no more input. The shell still waits for a key, and the next session goes on there.</summary>
    EndOfInput,

    /// <summary>The VMM's configuration turns the shell off; what it says about that was written to the output.</summary>
    Disabled,
}
