using System.Diagnostics.CodeAnalysis;

namespace VmmWatch;

/// <summary>The command line: what this program knows itself, and the settings, which are the configuration's.</summary>
/// <param name="Once">Poll once, print the result, and end.</param>
/// <param name="Json">Print it as JSON.</param>
/// <param name="Help">Print the usage, and end.</param>
/// <param name="Settings">All that is left: <c>--Section:Key=value</c>.</param>
public sealed record WatchArguments(bool Once, bool Json, bool Help, IReadOnlyList<string> Settings)
{
    /// <summary>What <c>--help</c> prints.</summary>
    public const string Usage = """
        Usage: VmmWatch [--once [--json]] [--Vmm:KEY=VALUE ...]

        Calls a function of the VMM again and again; tells by logs, metrics and health how it goes. SIGTERM or Ctrl-C ends it.

          --once                     poll once, print how it went, and end
          --json                     with --once: print it as one line of JSON
          --Vmm:Machine=fake|real    which machine (default: fake)
          --Vmm:Function=NAME        what to call (default: exits); it must be a function that may be called any number of times
          --Vmm:Arguments:N=WORD     argument N, 0 to 4 (RBX, RCX, RDX, RSI, RDI), a decimal number
          --Vmm:Period=TIME          how often (default: 00:00:01)
          --Vmm:SlowAfter=TIME       an answer that took longer is degraded (default: 00:00:01)
          --Vmm:HungAfter=TIME       a call that has not come back is unhealthy (default: 00:00:10)
          --Vmm:UnhealthyAfter=N     so many polls without an answer in a row are unhealthy, fewer are degraded (default: 3)
          --Vmm:HealthFile=FILE      keep the health in a file, for a container's probe
          --Logging:...              as in every .NET host, such as --Logging:LogLevel:VmmWatch=Debug
          --help                     print this

        Each setting can also stand in appsettings.json, or in the environment: Vmm__Machine=real.
        Exit code: 0 ended by a signal, or healthy (--once); 1 not healthy (--once), or an internal error; 2 bad usage or configuration.
        """;

    private static readonly string[] Sections = [WatchOptions.Section + ":", "Logging:"];

    /// <summary>Reads the command line.</summary>
    /// <param name="args">Its words.</param>
    /// <param name="arguments">What they say.</param>
    /// <param name="problem">What is wrong with them; null if nothing is.</param>
    /// <returns>Whether nothing is wrong.</returns>
    public static bool TryParse(IReadOnlyList<string> args, [NotNullWhen(true)] out WatchArguments? arguments, [NotNullWhen(false)] out string? problem)
    {
        ArgumentNullException.ThrowIfNull(args);
        string[] flags = ["--once", "--json", "--help", "-h"];
        string[] settings = [.. args.Where(arg => !flags.Contains(arg))];
        arguments = new WatchArguments(args.Contains("--once"), args.Contains("--json"), args.Contains("--help") || args.Contains("-h"), settings);

        // The configuration would take any word, and ignore the ones that nobody asks for.
        string? unknown = settings.FirstOrDefault(word => !IsSetting(word));
        problem = unknown is not null ? $"'{unknown}' is no setting; settings are --Vmm:KEY=VALUE."
            : arguments.Json && !arguments.Once ? "--json goes with --once."
            : null;
        return problem is null;
    }

    private static bool IsSetting(string word) => word.Contains('=', StringComparison.Ordinal)
        && Array.Exists(Sections, section => word.StartsWith("--" + section, StringComparison.OrdinalIgnoreCase));
}
