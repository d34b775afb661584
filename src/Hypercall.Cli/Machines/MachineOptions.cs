using System.CommandLine;
using Hypercall.Cli.CommandLine;
using Hypercall.Testing;

namespace Hypercall.Cli.Machines;

/// <summary>The options that every command has: which VMM, and which instruction.</summary>
internal sealed class MachineOptions
{
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
    }

    /// <summary>What the option calls each way of behaving.</summary>
    public static IEnumerable<string> PersonalityNames => Personalities.Select(one => one.Name);

    public static string NameOf(FakeVmmPersonality personality) => Personalities.First(one => one.Personality == personality).Name;

    public MachineChoice Read(ParseResult parse)
    {
        FakeVmmPersonality? personality = parse.GetValue(_fake);
        if (personality is not null && parse.GetValue(_vmm) == VmmKind.Real)
        {
            throw new UsageException("--fake says how the fake VMM behaves; it does not go with --vmm real.");
        }

        VmmKind vmm = parse.GetValue(_vmm) ?? (personality is null ? _default : VmmKind.Fake);
        return new MachineChoice(vmm, personality ?? FakeVmmPersonality.BitVisor, parse.GetValue(_instruction) is { } forced and not Auto ? forced : null);
    }
}
