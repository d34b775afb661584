using Hypercall.Conformance;
using Hypercall.Conformance.Running;

using StreamWriter output = new(Console.OpenStandardOutput()) { AutoFlush = false };
try
{
    if (args is ["bench:call", var name, var calls, var rounds])
    {
        return CallBench.Run(name, long.Parse(calls, null), int.Parse(rounds, null), output);
    }

    if (args is ["bench:hold", var times])
    {
        return HoldBench.Run(int.Parse(times, null), output);
    }

    RunnerOptions options = RunnerOptions.Parse(args);
    if (options.Help)
    {
        output.WriteLine(RunnerOptions.Usage);
        return Runner.AllWell;
    }

    if (options.List)
    {
        foreach (Scenario scenario in ScenarioCatalog.All)
        {
            output.WriteLine($"{scenario.Name} [{scenario.Needs}]");
        }

        return Runner.AllWell;
    }

    Func<IConformanceMachine> open = options.Machine switch
    {
        "real" => () => RealMachine.Open(options.Way),
        "fake" => () => FakeMachines.Open("AuthenticAMD"),
        "fake-intel" => () => FakeMachines.Open("GenuineIntel"),
        "fake-no-vmm" => FakeMachines.OpenWithoutVmm,
        _ => throw new FormatException($"there is no machine '{options.Machine}'"),
    };
    return new Runner(options, open, output).Run(ScenarioCatalog.All);
}
catch (Exception e) when (e is FormatException or IOException)
{
    Console.Error.WriteLine($"conformance: {e.Message}");
    Console.Error.WriteLine(RunnerOptions.Usage);
    return Runner.BadUsage;
}
