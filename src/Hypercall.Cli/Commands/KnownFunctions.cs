namespace Hypercall.Cli.Commands;

/// <summary>
/// The names that BitVisor's own source registers (matsu/bitvisor, core/vmmcall_*.c), and what each of them is for.
/// </summary>
internal static class KnownFunctions
{
    public static IReadOnlyList<(string Name, string Purpose)> All { get; } =
    [
        ("boot", "goes on to the guest's boot loader; every build has it, and it does nothing after boot"),
        ("loadcfg", "decrypts a configuration, before boot only"),
        ("loadcfg64", "the same, by 64-bit addresses"),
        ("get_status", "writes the VMM's status as text into a buffer"),
        ("dbgsh", "the VMM's debug shell, one character a call"),
        ("log_set_buf", "gives the VMM a ring for its log, from CPL 0 only"),
        ("iccard", "says whether the IC card was pulled out"),
    ];

    public static string? PurposeOf(string name) => All.FirstOrDefault(known => known.Name.Equals(name, StringComparison.Ordinal)).Purpose;
}
