namespace Hypercall.Tests.Providers;

public class HypercallTargetTests
{
    private static readonly CpuIdentity Cpu = new() { Vendor = "AuthenticAMD", Brand = "AMD EPYC" };
    private static readonly Provider Amd = new("Amd", "VMMCALL", "AuthenticAMD", [0x0F, 0x01, 0xD9]);
    private static readonly Provider Intel = new("Intel", "VMCALL", "GenuineIntel", [0x0F, 0x01, 0xC1]);

    [Fact]
    public void The_vendor_decides()
    {
        HypercallTarget target = HypercallTarget.Select(Cpu, [Intel, Amd]);
        Assert.Equal("Amd", target.ProviderName);
        Assert.Equal("VMMCALL on AuthenticAMD", target.ToString());
    }

    [Fact]
    public void Feature_bits_do_not_decide() =>
        Assert.Equal("Amd", HypercallTarget.Select(Cpu with { VmxReported = true, SvmReported = false }, [Intel, Amd]).ProviderName);

    [Theory]
    [InlineData("VMCALL", "Intel")]
    [InlineData("vmcall", "Intel")]
    [InlineData("VmmCall", "Amd")]
    public void Options_force_an_instruction_whatever_the_vendor(string instruction, string provider) =>
        Assert.Equal(provider, HypercallTarget.Select(Cpu, [Intel, Amd], new HypercallOptions { Instruction = instruction }).ProviderName);

    [Fact]
    public void A_forced_instruction_that_two_providers_encode_alike_is_no_choice_to_make()
    {
        Provider third = new("Third", "VMMCALL", "ThirdVendor!", [0x0F, 0x01, 0xD9]);
        Assert.Equal("Amd", HypercallTarget.Select(Cpu, [third, Amd], new HypercallOptions { Instruction = "VMMCALL" }).ProviderName);
        Assert.Equal("Third", HypercallTarget.Select(Cpu with { Vendor = "x" }, [third, Amd], new HypercallOptions { Instruction = "VMMCALL" }).ProviderName);
    }

    [Fact]
    public void A_forced_instruction_that_two_providers_encode_differently_is_an_error()
    {
        Provider other = new("Other", "VMMCALL", "AuthenticAMD", [0x90]);
        Assert.Equal(2, Assert.Throws<HypercallProviderException>(
            () => HypercallTarget.Select(Cpu, [Amd, other], new HypercallOptions { Instruction = "VMMCALL" })).Matches);
    }

    [Fact]
    public void No_match_lists_the_CPU_and_the_providers()
    {
        HypercallProviderException e = Assert.Throws<HypercallProviderException>(() => HypercallTarget.Select(Cpu, [Intel]));
        Assert.Contains("AuthenticAMD", e.Message, StringComparison.Ordinal);
        Assert.Contains("AMD EPYC", e.Message, StringComparison.Ordinal);
        Assert.Contains("Intel (VMCALL)", e.Message, StringComparison.Ordinal);
        Assert.Contains("can present any vendor string", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, e.Matches);
        Assert.Equal(["Intel"], e.ProviderNames);
    }

    [Fact]
    public void Two_matches_are_an_error_too()
    {
        Provider other = new("Other", "OTHER", "AuthenticAMD", [0x90]);
        HypercallProviderException e = Assert.Throws<HypercallProviderException>(() => HypercallTarget.Select(Cpu, [Amd, other]));
        Assert.Equal(2, e.Matches);
        Assert.Contains("2 registered providers serve", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void With_no_provider_at_all_the_message_says_which_calls_are_missing() =>
        Assert.Contains("AddIntel()", Assert.Throws<HypercallProviderException>(() => HypercallTarget.Select(Cpu, [])).Message, StringComparison.Ordinal);

    [Fact]
    public void A_forced_instruction_that_nobody_has_is_named() =>
        Assert.Contains("forced instruction VMFUNC", Assert.Throws<HypercallProviderException>(
            () => HypercallTarget.Select(Cpu, [Intel, Amd], new HypercallOptions { Instruction = "VMFUNC" })).Message, StringComparison.Ordinal);

    [Fact]
    public void Alternatives_are_the_other_instructions() =>
        Assert.Equal(["Intel"], HypercallTarget.Select(Cpu, [Intel, Amd]).Alternatives([Intel, Amd]).Select(target => target.ProviderName));

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    public void An_instruction_has_1_to_15_bytes(int length) =>
        _ = Assert.Throws<ArgumentException>(() => new HypercallInstruction("X", new byte[length]));

    [Fact]
    public void An_instruction_may_have_15_bytes() => Assert.Equal(15, new HypercallInstruction("X", new byte[15]).Encoding.Length);

    [Fact]
    public void An_instruction_prints_its_name_and_bytes() => Assert.Equal("VMMCALL (0F 01 D9)", Amd.Instruction.ToString());

    private sealed class Provider(string name, string mnemonic, string vendor, byte[] encoding) : IHypercallProvider
    {
        public string Name => name;

        public HypercallInstruction Instruction { get; } = new(mnemonic, encoding);

        public bool Serves(CpuIdentity cpu) => cpu.Vendor == vendor;
    }
}
