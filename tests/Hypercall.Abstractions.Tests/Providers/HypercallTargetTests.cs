namespace Hypercall.Tests.Providers;

public class HypercallTargetTests
{
    private static readonly MadeUpCpuid Cpu = new("AuthenticAMD") { Brand = "AMD EPYC" };
    private static readonly MadeUpProvider Amd = new("AMD", new HypercallInstruction("VMMCALL", [0x0F, 0x01, 0xD9]), "AuthenticAMD");
    private static readonly MadeUpProvider Intel = new("Intel", new HypercallInstruction("VMCALL", [0x0F, 0x01, 0xC1]), "GenuineIntel");
    private static readonly MadeUpProvider Device = new("module", null, "AuthenticAMD", "GenuineIntel");

    [Fact]
    public void The_vendor_decides()
    {
        HypercallTarget target = HypercallTarget.Select(Cpu, [Intel, Amd]);
        Assert.Equal("AMD", target.ProviderName);
        Assert.Equal("VMMCALL on AuthenticAMD", target.ToString());
    }

    [Fact]
    public void Feature_bits_do_not_decide() =>
        Assert.Equal("AMD", HypercallTarget.Select(new MadeUpCpuid("AuthenticAMD") { Features = 1 << 5 }, [Intel, Amd]).ProviderName);

    [Theory]
    [InlineData("Intel", "Intel")]
    [InlineData("intel", "Intel")]
    [InlineData("aMD", "AMD")]
    [InlineData("module", "module")]
    public void Options_name_a_provider_whatever_the_vendor(string named, string provider) =>
        Assert.Equal(provider, HypercallTarget.Select(Cpu, [Intel, Device, Amd], new HypercallOptions { Provider = named }).ProviderName);

    [Fact]
    public void Two_providers_of_the_name_that_is_asked_for_are_an_error()
    {
        HypercallProviderException e = Assert.Throws<HypercallProviderException>(
            () => HypercallTarget.Select(Cpu, [Amd, Amd], new HypercallOptions { Provider = "AMD" }));
        Assert.Equal(2, e.Matches);
        Assert.Contains("2 registered providers are called 'AMD'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void When_none_can_be_used_each_says_why_and_what_helps()
    {
        HypercallProviderException e = Assert.Throws<HypercallProviderException>(() => HypercallTarget.Select(Cpu, [Intel]));
        Assert.Contains("'AuthenticAMD' (AMD EPYC)", e.Message, StringComparison.Ordinal);
        Assert.Contains("Intel: it is for CPU vendor 'GenuineIntel', and this is 'AuthenticAMD'.", e.Message, StringComparison.Ordinal);
        Assert.Contains("can present any vendor string", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, e.Matches);
        Assert.Equal(["Intel"], e.ProviderNames);
    }

    [Fact]
    public void Two_that_could_serve_are_an_error_that_lists_them()
    {
        HypercallProviderException e = Assert.Throws<HypercallProviderException>(() => HypercallTarget.Select(Cpu, [Intel, Amd, Device]));
        Assert.Equal(2, e.Matches);
        Assert.Contains("2 registered providers could serve", e.Message, StringComparison.Ordinal);
        Assert.Contains("AMD (VMMCALL), module. Name one in HypercallOptions.Provider", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void With_no_provider_at_all_the_message_says_which_calls_are_missing() =>
        Assert.Contains("AddIntel()", Assert.Throws<HypercallProviderException>(() => HypercallTarget.Select(Cpu, [])).Message, StringComparison.Ordinal);

    [Fact]
    public void A_name_that_nobody_has_is_told_with_those_that_there_are()
    {
        HypercallProviderException e = Assert.Throws<HypercallProviderException>(
            () => HypercallTarget.Select(Cpu, [Intel, Amd], new HypercallOptions { Provider = "Zhaoxin" }));
        Assert.Contains("'Zhaoxin'", e.Message, StringComparison.Ordinal);
        Assert.Contains("Registered: Intel (VMCALL), AMD (VMMCALL).", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, e.Matches);
    }

    [Fact]
    public void Alternatives_are_the_other_instructions() =>
        Assert.Equal(["Intel"], HypercallTarget.Select(Cpu, [Intel, Amd]).Alternatives([Intel, Amd, Device]).Select(target => target.ProviderName));

    [Fact]
    public void A_device_has_no_alternative() =>
        Assert.Empty(HypercallTarget.Select(Cpu, [Intel, Device]).Alternatives([Intel, Amd, Device]));

    [Fact]
    public void A_way_without_an_instruction_goes_by_its_providers_name() =>
        Assert.Equal("module on AuthenticAMD", HypercallTarget.Select(Cpu, [Device]).ToString());

    [Fact]
    public void The_advice_is_the_providers_where_it_has_one()
    {
        HypercallTarget target = new(CpuIdentity.Read(Cpu), new Port());
        Assert.Equal("Ask for I/O permission.", new CpuFault(CpuFaultKind.GeneralProtection) { Target = target }.Advice);
        Assert.Contains("wrong instruction", new CpuFault(CpuFaultKind.GeneralProtection) { Target = target with { Provider = Amd } }.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    public void An_instruction_has_1_to_15_bytes(int length) =>
        _ = Assert.Throws<ArgumentException>(() => new HypercallInstruction("X", new byte[length]));

    [Fact]
    public void An_instruction_may_have_15_bytes() => Assert.Equal(15, new HypercallInstruction("X", new byte[15]).Encoding.Length);

    [Fact]
    public void An_instruction_prints_its_name_and_bytes() => Assert.Equal("VMMCALL (0F 01 D9)", Amd.Instruction!.ToString());

    private sealed class Port : IHypercallProvider
    {
        public string Name => "port";

        public HypercallProbe Probe(ICpuid cpuid) => HypercallProbe.Usable;

        public IHypercallChannel Open(HypercallTarget target, Microsoft.Extensions.Logging.ILoggerFactory loggers) => throw new NotSupportedException();

        public string? Advise(in CpuFault fault) => "Ask for I/O permission.";
    }
}
