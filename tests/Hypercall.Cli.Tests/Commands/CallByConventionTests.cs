using System.Text.Json;
using Hypercall.Testing;

namespace Hypercall.Cli.Tests.Commands;

public class CallByConventionTests
{
    [Fact]
    public async Task A_convention_lays_out_number_arguments_and_constants()
    {
        HypercallRegisters sent = default;
        CliRun run = await CliRun.OfAsync(
            "call --convention vmware --number 10 --arg 1 --arg -2 --arg 0x3",
            Machines.Answering(registers => sent = registers));

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal(new HypercallRegisters { Rax = 0x564d5868, Rcx = 10, Rbx = 1, Rsi = ulong.MaxValue - 1, Rdi = 3 }, sent);
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
            $"call --convention {convention} --number 1 --json",
            Machines.Answering(registers => registers with { Rax = unchecked((ulong)rax) }));

        Assert.Equal(expected, (int)run.ExitCode);
        Assert.Equal(expected == 1, run.Json.GetProperty("convention").GetProperty("failed").GetBoolean());
        Assert.Equal(expected == 1, run.Json.GetProperty("convention").GetProperty("failure").ValueKind == JsonValueKind.String);
    }

    [Theory]
    [InlineData("kvm", "KVM: RAX = 0xffffffffffffffff, which means failure: -1")]
    [InlineData("hyper-v", "Hyper-V: RAX = 0xffffffffffffffff, which means failure: HV_STATUS 0xffff")]
    [InlineData(
        "bitvisor",
        "BitVisor: RAX = 0xffffffffffffffff, which only the function's own documentation can call a failure.")]
    public async Task For_people_it_says_what_the_answer_means(string convention, string expected)
    {
        CliRun run = await CliRun.OfAsync(
            $"call --convention {convention} --number 1",
            Machines.Answering(registers => registers with { Rax = ulong.MaxValue }));

        Assert.Contains(expected, run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_register_that_changed_is_printed_and_the_result_too()
    {
        CliRun run = await CliRun.OfAsync(
            "call --convention xen --number 17 --arg 5",
            Machines.Answering(registers => registers with { Rdi = 7 }));

        Assert.StartsWith("Xen 17 returned.", run.Out, StringComparison.Ordinal);
        Assert.Equal(["RAX", "0x11 (17)", "unchanged"], run.Row("RAX"));
        Assert.Equal(["RDI", "0x5 (5)", "0x7 (7)"], run.Row("RDI"));
        Assert.DoesNotContain("RSI\t", run.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("xen", true)]
    [InlineData("nyx", false)] // its number goes in by RBX
    public async Task RAX_equal_to_the_number_is_told_where_the_number_went_in_by_RAX(string convention, bool told)
    {
        CliRun run = await CliRun.OfAsync(
            $"call --convention {convention} --number 17 --json",
            Machines.Answering(registers => registers with { Rax = 17 }));

        Assert.Equal(told, run.Json.GetProperty("raxIsCallNumber").GetBoolean());
        Assert.Equal(told ? 1 : 0, run.Json.GetProperty("notes").GetArrayLength());
    }

    [Theory]
    [InlineData("call --convention nyx --number 10 --fake kvm", "Nyx 10")]
    [InlineData("call --convention vmware --number 10 --arg 1 --fake kvm", "VMware 10")]
    public async Task An_answer_that_proves_another_VMM_exits_4(string commandLine, string function)
    {
        CliRun run = await CliRun.OfAsync($"{commandLine} --json");

        Assert.Equal(ExitCode.ForeignVmm, run.ExitCode);
        JsonElement error = run.Json.GetProperty("error");
        Assert.Equal(
            ("foreignVmm", function, "0xffffffffffffffff"),
            (Text(error, "kind"), Text(error, "function"), Text(error, "rax")));
    }

    [Theory]
    [InlineData("call --convention xen --number 17 --fake none", "Xen 17")]
    [InlineData("call foo --fake none", "foo")]
    [InlineData("send FILE --convention bitvisor --number 5 --fake none", "BitVisor 5")]
    [InlineData("send FILE --function foo --fake none", "foo")]
    public async Task A_fault_says_of_which_function(string commandLine, string function)
    {
        string file = Path.GetTempFileName();
        await File.WriteAllBytesAsync(file, [1]);
        string[] args = commandLine.Replace("FILE", file, StringComparison.Ordinal).Split(' ');
        CliRun people = await CliRun.OfAsync(args);
        CliRun program = await CliRun.OfAsync([.. args, "--json"]);
        File.Delete(file);

        Assert.Equal((ExitCode.Faulted, ExitCode.Faulted), (people.ExitCode, program.ExitCode));
        Assert.StartsWith($"hypercall: {function}: VMMCALL on AuthenticAMD raised #UD", people.Error, StringComparison.Ordinal);
        Assert.Equal(
            (function, "fault"),
            (Text(program.Json.GetProperty("error"), "function"), Text(program.Json.GetProperty("error"), "kind")));
        Assert.Equal("#UD", Text(program.Json.GetProperty("error").GetProperty("fault"), "fault"));
    }

    [Fact]
    public async Task A_port_s_convention_goes_by_a_port_and_by_nothing_else()
    {
        string[] commandLines =
        [
            "call --convention vmware-port --number 10",
            "send FILE --convention vmware-port --number 10 --layout address:0",
        ];
        (string[] Channel, string Way)[] others =
            [([], "VMMCALL"), (["--channel", "kernel"], "kernel"), (["--channel", "cpuid"], "CPUID")];
        foreach (string commandLine in commandLines)
        {
            string file = Path.GetTempFileName();
            await File.WriteAllBytesAsync(file, [1]);
            string[] args = [.. commandLine.Replace("FILE", file, StringComparison.Ordinal).Split(' '), "--fake", "vmware"];
            foreach ((string[] channel, string way) in others)
            {
                CliRun refused = await CliRun.OfAsync([.. args, .. channel]);
                Assert.Equal(ExitCode.Usage, refused.ExitCode);
                Assert.Contains(
                    $"goes by a port, and the way down is {way}. Add --channel port", refused.Error, StringComparison.Ordinal);
            }

            Assert.Equal(ExitCode.Faulted, (await CliRun.OfAsync([.. args, "--channel", "port"])).ExitCode); // no permission
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_convention_that_a_port_does_not_carry_is_bad_usage()
    {
        CliRun run = await CliRun.OfAsync("call --convention vmware-port --number 10 --channel port:0x4711 --vmm real");
        Assert.SkipWhen(run.ExitCode == ExitCode.Unsupported, run.Error);
        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains(
            "RDX[15:0] = 0x5658 where this channel itself puts RDX[15:0] = 0x4711", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Parameter", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_other_convention_can_be_named()
    {
        foreach (HypercallConvention convention in HypercallConvention.All.Where(one => one != HypercallConvention.VmwarePort))
        {
            string arguments = string.Concat(Enumerable.Repeat(" --arg 1", convention.Arguments.Count));
            CliRun run = await CliRun.OfAsync(
                $"call --convention {convention.Name} --number 0{arguments} --json",
                Machines.Answering(registers => registers));

            Assert.Equal(convention.Name, Text(run.Json.GetProperty("convention"), "name"));
            Assert.Equal(JsonValueKind.Null, run.Json.GetProperty("function").ValueKind);
        }
    }

    [Theory]
    [InlineData("call foo --convention kvm", "'foo' does not go with --convention")]
    [InlineData("call foo --number 1", "'foo' does not go with --number")]
    [InlineData("call foo --convention kvm --number 1", "'foo' does not go with --convention")]
    [InlineData("call --convention kvm", "--convention needs --number")]
    [InlineData("call --number 1", "--number needs --convention")]
    [InlineData("call --arg 1", "Say which function: by its name (NAME), or by --convention and --number.")]
    [InlineData("call --rbx 1", "Say which function")]
    [InlineData("call --convention kvm --number 1 --rbx 2", "The arguments of KVM go in RBX, RCX, RDX, RSI: give them by --arg")]
    [InlineData("call foo --rcx 1 --arg 2", "--rcx and --arg both give arguments")]
    [InlineData(
        "call foo --arg 1 --arg 2 --arg 3 --arg 4 --arg 5 --arg 6",
        "carries 5 arguments (RBX, RCX, RDX, RSI, RDI); 6 were given")]
    [InlineData("call --convention nyx --number 1 --arg 1 --arg 2", "carries 1 argument (RCX); 2 were given")]
    [InlineData("call --convention kvm --number 1 --arg one", "'one' is no register value")]
    [InlineData("call --convention nobody --number 1", "bitvisor|kvm|xen|hyper-v|vmware|vmware-port|acrn|nyx")]
    [InlineData("call --convention hyper-v --number 0x10008", "RCX[15:0]: at most 0xffff")]
    [InlineData("call --convention vmware --number 1 --arg 0 --arg 0 --arg 0 --arg 0x10000", "RDX[31:16]: at most 0xffff")]
    public async Task What_cannot_be_called_is_bad_usage_before_any_exit_to_the_VMM(string commandLine, string expected)
    {
        CliRun run = await CliRun.OfAsync(
            commandLine, Machines.Answering(_ => throw new InvalidOperationException("It was called.")));

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.Contains("See 'hypercall call --help'.", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_takes_its_arguments_in_order_too()
    {
        FakeMachine fake = new FakeMachine().On("add", call => call.Rax = call.Rbx + (10 * call.Rcx) + (100 * call.Rdx));

        Assert.Equal("0x141 (321)", (await CliRun.OfAsync("call add --arg 1 --arg 2 --arg 3", Machines.Use(fake))).Row("RAX")[2]);
    }

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();
}
