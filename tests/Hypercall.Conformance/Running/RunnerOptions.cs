namespace Hypercall.Conformance.Running;

/// <summary>What the command line asked for.</summary>
internal sealed record RunnerOptions
{
    public string Machine { get; init; } = "real";

    /// <summary>The way to the VMM's functions.</summary>
    public RigWay Way { get; init; } = RigWay.Instruction;

    public IReadOnlyList<string> Filters { get; init; } = [];

    public bool List { get; init; }

    public bool Help { get; init; }

    public bool Destroy { get; init; }

    /// <summary>Percent of the repetitions of a fast machine.</summary>
    public int Scale { get; init; } = 100;

    public int Seed { get; init; } = 1;

    /// <summary>How long one scenario may take.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(120);

    public string? Required { get; init; }


    public const string Usage = """
        usage: conformance [--machine real|fake|fake-intel|fake-no-vmm] [--way instruction|cpuid|port|port-out|module]
                           [--filter TEXT]... [--list] [--scale PERCENT]
                           [--seed N] [--limit SECONDS] [--required FILE] [--destroy]
               conformance bench:call NAME CALLS ROUNDS     times a named call
               conformance bench:hold ROUNDS                compacts memory that the VMM holds, locked and pinned

        Runs the scenarios on a machine and prints TAP version 14. A filter is part of a scenario's name; several add up.
        --way WAY         by which instruction the functions are called on the real machine (rig/ABI.md, "Ways")
        --required FILE   names, one a line, that may not be skipped; a line '# ...' is a comment
        --destroy         also scenarios that end the machine, if a filter selects them
        Exit code: 0 all passed or skipped; 1 something failed, or was skipped and is required; 2 usage; 3 a scenario hangs.
        """;

    /// <summary>Reads the command line.</summary>
    /// <param name="arguments">Its words.</param>
    /// <exception cref="FormatException">It is none; the message says why.</exception>
    public static RunnerOptions Parse(IReadOnlyList<string> arguments)
    {
        RunnerOptions options = new();
        for (int i = 0; i < arguments.Count; i++)
        {
            string option = arguments[i];
            options = option switch
            {
                "--list" => options with { List = true },
                "--help" or "-h" => options with { Help = true },
                "--destroy" => options with { Destroy = true },
                "--machine" => options with { Machine = Value() },
                "--way" => options with { Way = Named(Value()) },
                "--filter" => options with { Filters = [.. options.Filters, Value()] },
                "--scale" => options with { Scale = Number(1, 10_000) },
                "--seed" => options with { Seed = Number(0, int.MaxValue) },
                "--limit" => options with { Limit = TimeSpan.FromSeconds(Number(1, 86_400)) },
                "--required" => options with { Required = Value() },
                _ => throw new FormatException($"unknown option '{option}'"),
            };

            string Value() => ++i < arguments.Count ? arguments[i] : throw new FormatException($"{option} needs a value");

            int Number(int least, int most) => int.TryParse(Value(), out int number) && number >= least && number <= most
                ? number
                : throw new FormatException($"{option} needs a number, {least} to {most}");
        }

        return options;

        static RigWay Named(string name) =>
            RigWay.All.FirstOrDefault(way => way.Name == name) ?? throw new FormatException($"there is no way '{name}'");
    }
}
