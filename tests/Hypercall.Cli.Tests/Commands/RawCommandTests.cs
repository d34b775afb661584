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
    public async Task Without_a_convention_no_answer_is_judged() =>
        Assert.Equal(ExitCode.Done, (await CliRun.OfAsync("raw --rax 1", Machines.Answering(registers => registers with { Rax = ulong.MaxValue }))).ExitCode);

    [Fact]
    public async Task A_convention_lays_out_number_arguments_and_constants()
    {
        JsonElement before = (await CliRun.OfAsync("raw --convention vmware --number 10 --arg 1 -2 --arg 0x3 --json", Machines.Answering(registers => registers)))
            .Json.GetProperty("before");

        Assert.Equal("0x564d5868", before.GetProperty("rax").GetString());
        Assert.Equal("0xa", before.GetProperty("rcx").GetString());
        Assert.Equal("0x1", before.GetProperty("rbx").GetString());
        Assert.Equal("0xfffffffffffffffe", before.GetProperty("rsi").GetString());
        Assert.Equal("0x3", before.GetProperty("rdi").GetString());
        Assert.Equal("0x0", before.GetProperty("rdx").GetString());
    }

    [Theory]
    [InlineData("kvm", -1, 1)]
    [InlineData("kvm", -1000, 1)]
    [InlineData("kvm", 0, 0)]
    [InlineData("bitvisor", -1, 0)]
    [InlineData("hyper-v", 2, 1)]
    [InlineData("KVM", -1, 1)]
    public async Task An_answer_that_the_convention_calls_failure_exits_1(string convention, long rax, int expected)
    {
        CliRun run = await CliRun.OfAsync(
            $"raw --convention {convention} --number 1 --json", Machines.Answering(registers => registers with { Rax = unchecked((ulong)rax) }));

        Assert.Equal(expected, (int)run.ExitCode);
        Assert.Equal(expected == 1, run.Json.GetProperty("convention").GetProperty("failed").GetBoolean());
        Assert.Equal(expected == 1, run.Json.GetProperty("convention").GetProperty("failure").ValueKind == JsonValueKind.String);
    }

    [Fact]
    public async Task For_people_it_says_what_the_failure_means()
    {
        CliRun run = await CliRun.OfAsync("raw --convention kvm --number 1", Machines.Answering(registers => registers with { Rax = ulong.MaxValue }));

        Assert.Contains("KVM: RAX = 0xffffffffffffffff, which means failure: -1", run.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("raw --convention nyx --number 10 --vmm fake --fake kvm")]
    [InlineData("raw --convention vmware --number 10 --arg 1 --vmm fake --fake kvm")]
    public async Task An_answer_that_proves_another_VMM_exits_4(string commandLine)
    {
        CliRun run = await CliRun.OfAsync($"{commandLine} --json");
        Assert.Equal(ExitCode.ForeignVmm, run.ExitCode);
        Assert.True(run.Json.GetProperty("convention").GetProperty("foreign").GetBoolean());

        CliRun told = await CliRun.OfAsync(commandLine);
        Assert.Contains("another VMM is here", told.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("raw --convention hyper-v --number 0x10008", "RCX[15:0]: at most 0xffff")]
    [InlineData("raw --convention vmware --number 1 --arg 0 --arg 0 --arg 0 --arg 0x10000", "RDX[31:16]: at most 0xffff")]
    public async Task A_value_that_its_field_does_not_hold_is_bad_usage(string commandLine, string expected)
    {
        CliRun run = await CliRun.OfAsync(commandLine, Machines.Answering(_ => throw new InvalidOperationException("It was called.")));

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_known_convention_can_be_named()
    {
        foreach (HypercallConvention convention in HypercallConvention.All)
        {
            string arguments = string.Concat(Enumerable.Repeat(" --arg 1", convention.Arguments.Count));
            CliRun run = await CliRun.OfAsync($"raw --convention {convention.Name} --number 0{arguments} --json", Machines.Answering(registers => registers));

            Assert.NotEqual(ExitCode.Usage, run.ExitCode);
            Assert.Equal(convention.Name, run.Json.GetProperty("convention").GetProperty("name").GetString());
        }
    }

    [Fact]
    public async Task Too_many_arguments_are_refused_before_any_exit_to_the_VMM()
    {
        bool asked = false;
        foreach (HypercallConvention convention in HypercallConvention.All)
        {
            string arguments = string.Concat(Enumerable.Repeat(" --arg 1", convention.Arguments.Count + 1));
            CliRun run = await CliRun.OfAsync($"raw --convention {convention.Name} --number 0{arguments}", Machines.Answering(registers =>
            {
                asked = true;
                return registers;
            }));

            Assert.Equal(ExitCode.Usage, run.ExitCode);
            Assert.Contains($"{convention.Arguments.Count + 1} were given", run.Error, StringComparison.Ordinal);
        }

        Assert.False(asked);
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
