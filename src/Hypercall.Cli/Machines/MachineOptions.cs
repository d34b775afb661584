using System.CommandLine;
using Hypercall.Cli.CommandLine;
using Hypercall.Testing;

namespace Hypercall.Cli.Machines;

/// <summary>The options that every command has: which VMM, and which way down.</summary>
internal sealed class MachineOptions
{
    /// <summary>The variables that give defaults to scripts.</summary>
    public const string VmmVariable = "HYPERCALL_VMM";

    public const string ChannelVariable = "HYPERCALL_CHANNEL";

    private const string Auto = "";

    private readonly ChoiceOption<VmmKind?> _vmm;
    private static readonly (string Name, FakeVmmPersonality? Personality)[] Personalities =
    [
        ("bitvisor", FakeVmmPersonality.BitVisor),
        ("bitvisor-as-seen", FakeVmmPersonality.BitVisorAsSeen),
        ("kvm", FakeVmmPersonality.Kvm),
        ("kvm-hyperv", FakeVmmPersonality.KvmWithHyperV),
        ("xen", FakeVmmPersonality.Xen),
        ("xen-pv", FakeVmmPersonality.XenPv),
        ("hyperv", FakeVmmPersonality.HyperV),
        ("vmware", FakeVmmPersonality.Vmware),
        ("acrn", FakeVmmPersonality.Acrn),
        ("nyx", FakeVmmPersonality.Nyx),
        ("deaf", FakeVmmPersonality.Deaf),
        ("none", FakeVmmPersonality.None),
    ];

    private readonly ChoiceOption<FakeVmmPersonality?> _fake;
    private readonly ChoiceOption<string> _instruction;
    private readonly Option<string?> _channel = new("--channel")
    {
        Description = "The way down to use, by its name: 'hypercall detect' lists them. "
            + $"A port is {RealWays.PortForm}; VMware's, IN, 4 bytes if it says no more. "
            + "[default: the instruction of the CPU's vendor]",
        HelpName = "NAME",
    };

    private readonly VmmKind _default;

    public MachineOptions(Command command, VmmKind defaultVmm)
    {
        _default = defaultVmm;
        _vmm = new ChoiceOption<VmmKind?>(
            "--vmm",
            $"The VMM to speak to: the one under this machine, or a fake one inside this process. [default: {defaultVmm.ToString().ToLowerInvariant()}]",
            defaultValue: null,
            ("real", VmmKind.Real),
            ("fake", VmmKind.Fake));
        _fake = new ChoiceOption<FakeVmmPersonality?>(
            "--fake",
            "How the fake VMM behaves; implies --vmm fake. Each shows one of the ways in which a hypercall ends. [default: bitvisor]",
            defaultValue: null,
            Personalities);
        _instruction = new ChoiceOption<string>(
            "--instruction",
            "The instruction to use. 'auto' lets the CPU's vendor decide. [default: auto]",
            defaultValue: null,
            ("auto", Auto),
            ("vmcall", "Intel"),
            ("vmmcall", "AMD"));
        command.Options.Add(_vmm);
        command.Options.Add(_fake);
        command.Options.Add(_instruction);
        command.Options.Add(_channel);
    }

    /// <summary>What the option calls each way of behaving.</summary>
    public static IEnumerable<string> PersonalityNames => Personalities.Select(one => one.Name);

    public static string NameOf(FakeVmmPersonality personality) => Personalities.First(one => one.Personality == personality).Name;

    /// <summary>What the options say, and where they say nothing, the variables.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="environment">Reads a variable.</param>
    /// <exception cref="UsageException">They contradict each other, or name what is not there.</exception>
    public MachineChoice Read(ParseResult parse, Func<string, string?> environment)
    {
        FakeVmmPersonality? personality = parse.GetValue(_fake);
        if (personality is not null && parse.GetValue(_vmm) == VmmKind.Real)
        {
            throw new UsageException("--fake says how the fake VMM behaves; it does not go with --vmm real.");
        }

        VmmKind vmm = parse.GetValue(_vmm) ?? (personality is null ? VmmBy(environment) ?? _default : VmmKind.Fake);
        return new MachineChoice(vmm, personality ?? FakeVmmPersonality.BitVisor, ProviderOn(vmm, parse, environment));
    }

    private static VmmKind? VmmBy(Func<string, string?> environment) => environment(VmmVariable) switch
    {
        null or "" => null,
        string word when word.Equals("real", StringComparison.OrdinalIgnoreCase) => VmmKind.Real,
        string word when word.Equals("fake", StringComparison.OrdinalIgnoreCase) => VmmKind.Fake,
        string word => throw new UsageException($"The environment variable {VmmVariable} is '{word}'; it is none of real|fake."),
    };

    private string? ProviderOn(VmmKind vmm, ParseResult parse, Func<string, string?> environment)
    {
        string? instruction = parse.GetValue(_instruction);
        if (parse.GetValue(_channel) is { } channel)
        {
            return instruction is null
                ? NameOn(vmm, channel, "--channel:")
                : throw new UsageException("--channel and --instruction both choose the way down: give one of them.");
        }

        return instruction is not null ? (instruction == Auto ? null : instruction)
            : environment(ChannelVariable) is { Length: > 0 } variable
                ? NameOn(vmm, variable, $"The environment variable {ChannelVariable}:")
            : null;
    }

    private static string NameOn(VmmKind vmm, string channel, string where)
    {
        if (vmm == VmmKind.Fake)
        {
            string[] names = [.. FakeMachines.WayNames];
            return names.FirstOrDefault(name => name.Equals(channel, StringComparison.OrdinalIgnoreCase))
                ?? throw new UsageException($"{where} '{channel}' is none of {string.Join(", ", names)}, the ways down of the fake machine.");
        }

        try
        {
            string names = string.Join(", ", RealWays.All.Select(way => way.Name));
            return RealWays.Find(channel)?.Name
                ?? throw new UsageException($"{where} '{channel}' is none of {names}, the ways down of the real machine.");
        }
        catch (FormatException e)
        {
            throw new UsageException($"{where} {e.Message}.");
        }
    }
}
