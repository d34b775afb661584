using System.Diagnostics;
using System.Globalization;

namespace Hypercall.Conformance.Running;

/// <summary>Runs scenarios one after another and tells of each.</summary>
internal sealed class Runner(RunnerOptions options, Func<IConformanceMachine> open, TextWriter output)
{
    public const int AllWell = 0;
    public const int SomethingFailed = 1;
    public const int BadUsage = 2;
    public const int Hang = 3;

    private static readonly Needs[] EachNeed = [.. Enum.GetValues<Needs>().Where(need => need != Needs.None)];

    private static readonly TimeSpan WorthTelling = TimeSpan.FromSeconds(1);

    private readonly TapWriter _tap = new(output);
    private readonly List<(string Name, TimeSpan Time)> _times = [];
    private int _passed;
    private int _failed;
    private int _skipped;

    public int Run(IReadOnlyList<Scenario> all)
    {
        HashSet<string> required = options.Required is { } file ? ReadRequired(file, all) : [];
        Scenario[] chosen =
        [
            .. all.Where(scenario => options.Filters.Count == 0 || options.Filters.Any(filter => scenario.Name.Contains(filter, StringComparison.OrdinalIgnoreCase))),
        ];
        long started = Stopwatch.GetTimestamp();
        _tap.Begin(chosen.Length);
        using (IConformanceMachine machine = open())
        {
            _tap.Comment($"machine: {machine.Description}");
            _tap.Comment($"seed {options.Seed}, {options.Scale} % of the repetitions");
            foreach (Needs need in EachNeed)
            {
                if (machine.WhyNot(need) is { } reason)
                {
                    _tap.Comment($"without {need}: {reason}");
                }
            }
        }

        foreach (Scenario scenario in chosen)
        {
            if (!RunOne(scenario, required.Contains(scenario.Name)))
            {
                return Hang;
            }
        }

        string slowest = string.Join("; ", _times.OrderByDescending(pair => pair.Time).Take(5).Select(pair => $"{pair.Name} {pair.Time.TotalSeconds:0.0} s"));
        _tap.Comment($"slowest: {slowest}");
        _tap.Comment(
            $"total {chosen.Length}, run {_passed + _failed}, passed {_passed}, failed {_failed}, skipped {_skipped}, in {Stopwatch.GetElapsedTime(started).TotalSeconds:0} s");
        return _failed == 0 ? AllWell : SomethingFailed;
    }

    private static HashSet<string> ReadRequired(string file, IReadOnlyList<Scenario> all)
    {
        HashSet<string> known = [.. all.Select(scenario => scenario.Name)];
        HashSet<string> required = [];
        foreach (string line in File.ReadLines(file))
        {
            string name = line.Trim();
            if (name.Length != 0 && name[0] != '#')
            {
                _ = known.Contains(name) ? required.Add(name) : throw new FormatException($"{file} requires a scenario that there is not: '{name}'");
            }
        }

        return required;
    }

    /// <summary>Runs one scenario; false when it never ends.</summary>
    private bool RunOne(Scenario scenario, bool isRequired)
    {
        IConformanceMachine machine = open();
        string? reason = EachNeed.Where(need => scenario.Needs.HasFlag(need)).Select(need => need == Needs.Destruction && options.Destroy && options.Filters.Count != 0 ? null : machine.WhyNot(need))
            .FirstOrDefault(why => why is not null);
        if (reason is not null)
        {
            machine.Dispose();
            if (isRequired)
            {
                _failed++;
                _tap.Failed(scenario.Name, $"It is required on this machine, and cannot run: {reason}", null, TimeSpan.Zero);
            }
            else
            {
                _skipped++;
                _tap.Skipped(scenario.Name, reason);
            }

            return true;
        }

        List<string> notes = [];
        ScenarioContext context = new(machine, options.Scale, SeedOf(scenario.Name), notes.Add);
        Exception? error = null;
        Thread thread = new(() =>
        {
            try
            {
                scenario.Run(context);
            }
#pragma warning disable CA1031 // whatever a scenario throws is its failure
            catch (Exception e)
#pragma warning restore CA1031
            {
                error = e;
            }
        })
        {
            IsBackground = true, Name = "scenario",
        };
        long started = Stopwatch.GetTimestamp();
        thread.Start();
        bool ended = thread.Join(options.Limit);
        TimeSpan time = Stopwatch.GetElapsedTime(started);
        _times.Add((scenario.Name, time));
        if (!ended)
        {
            _tap.Failed(scenario.Name, $"It did not end within {options.Limit.TotalSeconds:0} s.", null, time);
            _tap.BailOut($"'{scenario.Name}' hangs, and nothing after it can be trusted");
            return false;
        }

        machine.Dispose();
        if (error is null)
        {
            _passed++;
            _tap.Passed(scenario.Name);
        }
        else
        {
            _failed++;
            _tap.Failed(scenario.Name, error is ScenarioFailedException ? error.Message : $"{error.GetType().Name}: {error.Message}", error.StackTrace, time);
        }

        if (time >= WorthTelling)
        {
            notes.Add(string.Create(CultureInfo.InvariantCulture, $"took {time.TotalSeconds:0.0} s"));
        }

        foreach (string note in notes)
        {
            _tap.Comment($"  {note}");
        }

        return true;
    }

    // Not string.GetHashCode, which differs from process to process.
    private int SeedOf(string name)
    {
        uint hash = (uint)options.Seed;
        foreach (char c in name)
        {
            hash = (hash ^ c) * 16777619; // FNV-1a, 32 bits
        }

        return (int)(hash & int.MaxValue);
    }
}
