using System.Text.Json;

namespace Hypercall.Cli.Tests.Commands;

public class RawCommandTests
{
    public static TheoryData<string> Registers => [.. HypercallRegisters.All.ToArray().Select(register => register.ToString().ToLowerInvariant())];

    [Theory]
    [MemberData(nameof(Registers))]
    public async Task Each_register_goes_in_and_comes_out_alone(string name)
    {
        CliRun run = await CliRun.OfAsync($"raw --{name} 0x1234 --json", Machines.Answering(Complement));

        Assert.Equal(ExitCode.Done, run.ExitCode);
        foreach (JsonProperty register in run.Json.GetProperty("before").EnumerateObject())
        {
            Assert.Equal(register.Name == name ? "0x1234" : "0x0", register.Value.GetString());
        }

        foreach (JsonProperty register in run.Json.GetProperty("after").EnumerateObject())
        {
            Assert.Equal(register.Name == name ? "0xffffffffffffedcb" : "0xffffffffffffffff", register.Value.GetString());
        }
    }

    [Fact]
    public async Task For_people_it_prints_all_registers_before_and_after()
    {
        CliRun run = await CliRun.OfAsync("raw --rax 1 --r15 -2", Machines.Answering(registers => registers with { Rax = 5 }));

        Assert.Equal(["RAX", "0x1 (1)", "0x5 (5)"], run.Row("RAX"));
        Assert.Equal(["R15", "0xfffffffffffffffe (-2)", "unchanged"], run.Row("R15"));
        Assert.Equal(["R8", "0x0 (0)", "unchanged"], run.Row("R8"));
    }

    [Fact]
    public async Task No_answer_is_judged() =>
        Assert.Equal(ExitCode.Done, (await CliRun.OfAsync("raw --rax 1", Machines.Answering(registers => registers with { Rax = ulong.MaxValue }))).ExitCode);

    [Theory]
    [InlineData("bitvisor", "--rax 99", "0x0")]
    [InlineData("bitvisor-as-seen", "--rax 99", "0x0")]
    [InlineData("kvm", "--rax 99", "0xffffffffffffffff")]
    [InlineData("kvm-hyperv", "--rax 99", "0xffffffffffffffff")]
    [InlineData("xen", "--rax 17", "0xffffffffffffffff")]
    [InlineData("vmware", "--rax 0x564d5868 --rcx 99", "0xffffffff")]
    [InlineData("nyx", "--rax 0x1f --rbx 99", "0x1f")]
    [InlineData("nyx", "--rax 5", "0xffffffffffffffff")]
    [InlineData("deaf", "--rax 99", "0x63")]
    public async Task It_shows_how_each_fake_answers(string personality, string registers, string rax)
    {
        CliRun run = await CliRun.OfAsync($"raw {registers} --fake {personality} --json");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal(rax, run.Json.GetProperty("after").GetProperty("rax").GetString());
    }

    [Theory]
    [InlineData("xen-pv", "--rax 17", "#UD")]
    [InlineData("hyperv", "--rcx 8", "#UD")]
    [InlineData("vmware", "--rax 1", "#UD")]
    [InlineData("acrn", "--r8 1", "#GP")]
    [InlineData("nyx", "--rax 0x1f --instruction vmmcall", "#PF")]
    [InlineData("none", "--rax 1", "#UD")]
    public async Task It_shows_what_each_fake_raises(string personality, string arguments, string mnemonic)
    {
        CliRun run = await CliRun.OfAsync($"raw {arguments} --fake {personality}");

        Assert.Equal(ExitCode.Faulted, run.ExitCode);
        Assert.Contains(mnemonic, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_convention_is_told_to_be_another_command_s()
    {
        CliRun run = await CliRun.OfAsync("raw --convention nyx --number 10 --fake kvm");

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("this command; 'hypercall call', 'hypercall send' have it.", run.Error, StringComparison.Ordinal);
    }

    private static HypercallRegisters Complement(HypercallRegisters registers)
    {
        HypercallRegisters result = default;
        foreach (GeneralRegister register in HypercallRegisters.All)
        {
            result[register] = ~registers[register];
        }

        return result;
    }
}
