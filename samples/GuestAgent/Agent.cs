namespace GuestAgent;

/// <summary>Tells the VMM what happens in the guest, and does what it says.</summary>
public sealed class Agent(LineSender lines, CommandSource commands)
{
    /// <summary>Does what there is to do, once: every command that the VMM has, and sends the lines.</summary>
    /// <param name="execute">Executes a command; what it returns is sent as a line.</param>
    /// <returns>What could not be done now, and will be tried next time; null if all is done.</returns>
    public string? RunOnce(Func<string, string> execute)
    {
        ArgumentNullException.ThrowIfNull(execute);
        string? problem;
        while (commands.TryTake(out problem) is { } command)
        {
            lines.Add($"{command}: {execute(command)}");
        }

        return lines.Flush() ?? problem;
    }
}
