using System.Globalization;

namespace Hypercall.Testing;

/// <summary>A fake machine as data: two machines with equal options behave alike, step by step.</summary>
public sealed record FakeMachineOptions
{
    internal static FakeMachineOptions Plain { get; } = new();

    /// <summary>What scatters frames, and fills the memory of others. The default is 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>How the VMM behaves. The default is <see cref="FakeVmmPersonality.BitVisor"/>.</summary>
    public FakeVmmPersonality Personality
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(value));
    } = FakeVmmPersonality.BitVisor;

    /// <summary>
    /// The CPU; null, the default, for one that fits the personality: AMD's, but for VMMs that run on Intel's only.
    /// </summary>
    public CpuIdentity? Cpu { get; init; }

    /// <summary>
    /// The privilege level of who calls: 3, the default, for a program; 0 for one that calls through its kernel, as a device's
    /// channel does.
    /// </summary>
    public int Cpl { get; init; } = 3;

    /// <summary>
    /// Whether the guest's kernel lets the program execute IN and OUT from the start
    /// (<see cref="FakeMachine.HasPortPermission"/>). The default is false.
    /// </summary>
    public bool HasPortPermission { get; init; }

    /// <summary>
    /// Which ways down the machine has. The default is <see cref="FakeWays.Instruction"/>. The CPU decides between the vendors'
    /// instructions; where it has none of them, the only other way that can be used is taken; all others are named
    /// (<see cref="HypercallOptions.Provider"/>).
    /// </summary>
    public FakeWays Ways { get; init; } = FakeWays.Instruction;

    /// <summary>Whether the program is root, who alone may use <see cref="FakeWays.Kernel"/>. The default is false.</summary>
    public bool IsRoot { get; init; }

    /// <summary>How many levels the guest's page table has. The default is four.</summary>
    public FakePaging Paging { get; init; } = FakePaging.FourLevel;

    /// <summary>
    /// How many virtual CPUs the guest has, 1 and more. With one, the guest's kernel does nothing while the VMM handles a call;
    /// with more, the default is 2, it may do anything at any step. (It takes a page away without waiting for a CPU that is in
    /// the VMM where flushing TLBs is left to the VMM or to the hardware: Linux, KVM_FEATURE_PV_TLB_FLUSH; AMD APM vol. 3,
    /// INVLPGB.)
    /// </summary>
    public int Cpus { get; init; } = 2;

    /// <summary>
    /// The virtual CPUs that the VMM has taken over, counted from 0; null, the default, for all. On the others the hypercall
    /// instruction is #UD, and nobody serves a port (seen under BitVisor). A call is made on CPU 0, unless it is bound to another
    /// (<see cref="FakeMachine.OnCpu"/>). CPUID tells the same on every CPU.
    /// </summary>
    public IReadOnlyList<int>? VmmCpus { get; init => field = value is null ? null : new OptionList<int>(value); }

    /// <summary>
    /// Small files that the guest's kernel shows, their texts by absolute path, beside those of the personality and
    /// <c>/proc/self/status</c>, which lists the CPUs: <see cref="FakeMachine.Signs"/>. The default is none.
    /// </summary>
    public IReadOnlyDictionary<string, string> Files
    {
        get;
        init => field = new OptionFiles(value ?? throw new ArgumentNullException(nameof(value)));
    } = new OptionFiles([]);

    /// <summary>
    /// Regions of guest-physical memory that are the VMM's own, and that the guest sees as ROM. The default is 1 MiB at
    /// 0x1000_0000 (256 MiB).
    /// </summary>
    public IReadOnlyList<PhysicalExtent> Rom
    {
        get;
        init => field = new OptionList<PhysicalExtent>(value ?? throw new ArgumentNullException(nameof(value)));
    } = new OptionList<PhysicalExtent>([new PhysicalExtent(new GuestPhysicalAddress(0x1000_0000), 0x10_0000)]);

    /// <summary>How much may be locked and pinned at one time, in bytes (RLIMIT_MEMLOCK). The default is no limit.</summary>
    public long LockLimit { get; init; } = long.MaxValue;

    /// <summary>Whether pages can be pinned. The default is true.</summary>
    public bool CanPin { get; init; } = true;

    /// <summary>Whether more than one page can be had contiguous. The default is true.</summary>
    public bool CanAllocateContiguous { get; init; } = true;

    /// <summary>Whether the kernel hides frame numbers from the program. The default is false.</summary>
    public bool HideFrames { get; init; }

    /// <summary>What goes wrong, and when. The default is nothing.</summary>
    public FaultPlan Plan { get; init; } = FaultPlan.None;

    /// <summary>
    /// How many steps the machine makes before the program counts as hanging (<see cref="FakeOracle.Hang"/>): calls, walks,
    /// pages, and what the guest asks its kernel for. The default is 100,000,000.
    /// </summary>
    public long StepBudget { get; init; } = 100_000_000;

    /// <summary>
    /// Whether the VMM may be given addresses of memory that is not the program's, for tests of the VMM's side: reads then find
    /// what others have there, and writes are lost. The default is false: the run ends (<see cref="FakeOracle.ForeignFrame"/>,
    /// <see cref="FakeOracle.StaleFrame"/>, <see cref="FakeOracle.WriteOutside"/>).
    /// </summary>
    public bool AllowStrayAccess { get; init; }

    /// <summary>
    /// Whether each step is written down, for <see cref="FakeMachine.Trace"/>. The default is false: it costs time and memory.
    /// </summary>
    public bool Record { get; init; }

    /// <summary>The C# expression that makes a machine with these options.</summary>
    public string ToCSharp() => $"new FakeMachine({OptionsToCSharp()})";

    internal string OptionsToCSharp()
    {
        IEnumerable<string> settings = Differing(
        [
            (Seed != Plain.Seed, string.Create(CultureInfo.InvariantCulture, $"{nameof(Seed)} = 0x{Seed:x}")),
            (Personality != Plain.Personality, $"{nameof(Personality)} = {Personality.ToCSharp()}"),
            (Cpu is not null, $"{nameof(Cpu)} = {(Cpu is null ? "" : CpuToCSharp(Cpu))}"),
            (Cpl != Plain.Cpl, string.Create(CultureInfo.InvariantCulture, $"{nameof(Cpl)} = {Cpl}")),
            (HasPortPermission, $"{nameof(HasPortPermission)} = true"),
            (Ways != Plain.Ways, $"{nameof(Ways)} = {WaysToCSharp(Ways)}"),
            (IsRoot, $"{nameof(IsRoot)} = true"),
            (Paging != Plain.Paging, $"{nameof(Paging)} = {nameof(FakePaging)}.{Paging}"),
            (Cpus != Plain.Cpus, string.Create(CultureInfo.InvariantCulture, $"{nameof(Cpus)} = {Cpus}")),
            (VmmCpus is not null, $"{nameof(VmmCpus)} = [{string.Join(", ", VmmCpus ?? [])}]"),
            (Files.Count != 0, $"{nameof(Files)} = {FilesToCSharp()}"),
            (!Rom.Equals(Plain.Rom), $"{nameof(Rom)} = [{string.Join(", ", Rom.Select(Extent))}]"),
            (LockLimit != Plain.LockLimit, string.Create(CultureInfo.InvariantCulture, $"{nameof(LockLimit)} = {LockLimit}")),
            (CanPin != Plain.CanPin, $"{nameof(CanPin)} = false"),
            (CanAllocateContiguous != Plain.CanAllocateContiguous, $"{nameof(CanAllocateContiguous)} = false"),
            (HideFrames != Plain.HideFrames, $"{nameof(HideFrames)} = true"),
            (AllowStrayAccess, $"{nameof(AllowStrayAccess)} = true"),
            (StepBudget != Plain.StepBudget, string.Create(CultureInfo.InvariantCulture, $"{nameof(StepBudget)} = {StepBudget}")),
            (Plan.Count != 0, $"{nameof(Plan)} = {Plan.ToCSharp()}"),
        ]);
        return $"new FakeMachineOptions {{ {string.Concat(settings.Select(setting => setting + ", "))}}}";

        static string Extent(PhysicalExtent extent) => string.Create(
            CultureInfo.InvariantCulture, $"new PhysicalExtent(new GuestPhysicalAddress(0x{extent.Start.Value:x}), 0x{extent.Length:x})");
    }

    private static string CpuToCSharp(CpuIdentity cpu)
    {
        CpuIdentity plain = new() { Vendor = "" };
        IEnumerable<string> settings = Differing(
        [
            (true, $"{nameof(cpu.Vendor)} = {Text(cpu.Vendor)}"),
            (cpu.Brand != plain.Brand, $"{nameof(cpu.Brand)} = {Text(cpu.Brand)}"),
            (cpu.MaxLeaf != plain.MaxLeaf, string.Create(CultureInfo.InvariantCulture, $"{nameof(cpu.MaxLeaf)} = 0x{cpu.MaxLeaf:x}")),
            (cpu.HypervisorPresent, $"{nameof(cpu.HypervisorPresent)} = true"),
            (cpu.HypervisorSignature != plain.HypervisorSignature, $"{nameof(cpu.HypervisorSignature)} = {Text(cpu.HypervisorSignature)}"),
            (cpu.HypervisorMaxLeaf != plain.HypervisorMaxLeaf, string.Create(CultureInfo.InvariantCulture, $"{nameof(cpu.HypervisorMaxLeaf)} = 0x{cpu.HypervisorMaxLeaf:x}")),
            (cpu.VmxReported, $"{nameof(cpu.VmxReported)} = true"),
            (cpu.SvmReported, $"{nameof(cpu.SvmReported)} = true"),
        ]);
        return $"new {nameof(CpuIdentity)} {{ {string.Join(", ", settings)} }}";
    }

    private string FilesToCSharp() =>
        "new Dictionary<string, string> { "
        + string.Join(", ", Files.Select(file => $"[{Text(file.Key)}] = {Text(file.Value)}"))
        + " }";

    private static string WaysToCSharp(FakeWays ways) => ways == FakeWays.None
        ? $"{nameof(FakeWays)}.{nameof(FakeWays.None)}"
        : string.Join(
            " | ",
            Enum.GetValues<FakeWays>()
                .Where(way => way != FakeWays.None && ways.HasFlag(way))
                .Select(way => $"{nameof(FakeWays)}.{way}"));

    // What CPUID holds is bytes: those outside ASCII's printable characters are written as escapes.
    private static string Text(string value) => $"\"{string.Concat(value.Select(Escaped))}\"";

    private static string Escaped(char c) => c is '"' or '\\' ? $"\\{c}" : c is >= ' ' and <= '~' ? $"{c}" : $"\\u{(int)c:x4}";

    private static IEnumerable<string> Differing((bool Differs, string Setting)[] settings) =>
        settings.Where(one => one.Differs).Select(one => one.Setting);
}
