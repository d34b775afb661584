using System.Text.Json;
using Hypercall.Cli.CommandLine;
using Microsoft.Extensions.DependencyInjection;

namespace Hypercall.Cli.Tests;

public class ExitCodesTests
{
    /// <summary>A command for each way in which a fake VMM says no.</summary>
    public static TheoryData<string, int, string> Endings => new()
    {
        { "call foo --fake bitvisor", 0, "" },
        { "call bar --fake bitvisor", 1, "functionNotFound" },
        { "call foo --fake kvm", 4, "foreignVmm" },
        { "call foo --fake deaf", 1, "functionNotFound" },
        { "call foo --fake none", 3, "fault" },
        { "functions foo --fake kvm", 4, "foreignVmm" },
        { "functions foo --fake none", 3, "fault" },
        { "demo --fake kvm", 4, "foreignVmm" },
        { "demo --fake deaf", 1, "functionNotFound" },
        { "demo --fake none", 3, "fault" },
        { "raw --rax 1 --fake none", 3, "fault" },
        { "raw --rax 1 --fake kvm", 0, "" },
        { "call --convention kvm --number 1 --fake kvm", 1, "" },
        { "call --convention nyx --number 10 --fake kvm", 4, "foreignVmm" },
        { "call --convention vmware --number 10 --fake kvm", 4, "foreignVmm" },
        { "call --convention xen --number 17 --fake bitvisor", 0, "" },
        { "call --convention xen --number 17 --fake deaf", 0, "" },
        { "call --convention xen --number 17 --fake none", 3, "fault" },
        { "detect --fake bitvisor", 0, "" },
        { "detect --fake kvm", 0, "" },
        { "detect --fake deaf", 0, "" },
        { "detect --fake none", 0, "" },
    };

    [Theory]
    [MemberData(nameof(Endings))]
    public async Task Each_ending_has_its_exit_code(string commandLine, int expected, string kind)
    {
        CliRun run = await CliRun.OfAsync(commandLine);

        Assert.Equal(expected, (int)run.ExitCode);
        Assert.Equal(kind.Length > 0, run.Error.StartsWith("hypercall: ", StringComparison.Ordinal));
        Assert.Equal(kind.Length > 0, run.Out.Length == 0);
    }

    [Theory]
    [MemberData(nameof(Endings))]
    public async Task Each_error_is_JSON_with_its_kind_and_the_same_exit_code(string commandLine, int expected, string kind)
    {
        CliRun run = await CliRun.OfAsync(commandLine + " --json");

        Assert.Equal(expected, (int)run.ExitCode);
        Assert.Empty(run.Error);
        if (kind.Length > 0)
        {
            Assert.Equal(expected, run.Json.GetProperty("exitCode").GetInt32());
            Assert.Equal(kind, run.Json.GetProperty("error").GetProperty("kind").GetString());
        }
    }

    [Fact]
    public async Task A_foreign_answer_is_told_with_the_register_that_held_it()
    {
        JsonElement error = (await CliRun.OfAsync("call foo --fake kvm --json")).Json.GetProperty("error");

        Assert.Equal("0xffffffffffffffff", error.GetProperty("rax").GetString());
        Assert.Equal("foo", error.GetProperty("function").GetString());
        Assert.Contains("EPERM", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_fault_is_told_with_its_name_and_numbers()
    {
        JsonElement fault = (await CliRun.OfAsync("call foo --fake none --json")).Json.GetProperty("error").GetProperty("fault");

        Assert.Equal("#UD", fault.GetProperty("fault").GetString());
        Assert.Equal(6, fault.GetProperty("trapNumber").GetInt32());
        Assert.NotEmpty(fault.GetProperty("advice").GetString()!);
    }

    [Fact]
    public async Task A_CPU_that_no_provider_serves_exits_5()
    {
        CliRun run = await CliRun.OfAsync("call foo", Machines.Without(Machines.Unknown, NoProvider(Machines.Unknown)));

        Assert.Equal(ExitCode.Unsupported, run.ExitCode);
        Assert.Contains("Unheard Of!!", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_platform_that_cannot_exits_5()
    {
        CliRun run = await CliRun.OfAsync("call foo", Machines.Without(Machines.Amd, new PlatformNotSupportedException("Arm64 has no such instruction.")));

        Assert.Equal(ExitCode.Unsupported, run.ExitCode);
        Assert.Contains("Arm64", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(GuestMemoryRefusalReason.LockLimit, 6)]
    [InlineData(GuestMemoryRefusalReason.OutOfMemory, 6)]
    [InlineData(GuestMemoryRefusalReason.NoPrivilege, 6)]
    [InlineData(GuestMemoryRefusalReason.FramesHidden, 6)]
    [InlineData(GuestMemoryRefusalReason.PlatformNotSupported, 5)]
    public async Task Memory_that_is_refused_exits_6_or_5_where_the_platform_has_none(GuestMemoryRefusalReason reason, int expected)
    {
        CliRun run = await CliRun.OfAsync("call foo", Machines.Refusing(new GuestMemoryRefusal(reason, "The limit is 64 KiB.")));

        Assert.Equal(expected, (int)run.ExitCode);
        Assert.Contains("The limit is 64 KiB.", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_that_nobody_expected_exits_70_and_says_where_it_came_from()
    {
        CliRun run = await CliRun.OfAsync("call foo", Machines.Answering(_ => throw new InvalidDataException("No such luck.")));

        Assert.Equal(ExitCode.Internal, run.ExitCode);
        Assert.Contains("System.IO.InvalidDataException: No such luck.", run.Error, StringComparison.Ordinal);
        Assert.Contains("   at ", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("detect --try")]
    [InlineData("call foo")]
    [InlineData("raw --rax 1")]
    [InlineData("functions foo")]
    [InlineData("demo")]
    public async Task What_was_cancelled_exits_130_and_asks_nothing(string commandLine)
    {
        CliRun run = await CliRun.OfAsync(
            [.. commandLine.Split(' ')],
            Machines.Answering(_ => throw new InvalidOperationException("Nothing was to be asked.")),
            new CancellationToken(canceled: true));

        Assert.Equal(ExitCode.Cancelled, run.ExitCode);
        Assert.Equal("hypercall: Cancelled.", run.Error.TrimEnd());
    }

    [Fact]
    public async Task A_cancellation_between_two_look_ups_ends_the_list()
    {
        using CancellationTokenSource source = new();
        int asked = 0;
        CliRun run = await CliRun.OfAsync(
            ["functions", "a", "b", "c"],
            Machines.Answering(registers =>
            {
                asked++;
                source.Cancel();
                return registers with { Rax = 7 };
            }),
            source.Token);

        Assert.Equal(ExitCode.Cancelled, run.ExitCode);
        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task A_cause_that_the_message_contains_is_not_told_again()
    {
        PlatformNotSupportedException error = new("No code can be made: mprotect: EACCES.", new IOException("No memory.", new IOException("mprotect: EACCES.")));
        CliRun run = await CliRun.OfAsync("call foo", Machines.Without(Machines.Amd, error));

        Assert.Contains("Because: No memory.", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Because: mprotect", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_is_told_with_every_cause_that_its_message_leaves_out()
    {
        PlatformNotSupportedException error = new("No code can be made.", new AggregateException(new IOException("mprotect: EACCES."), new IOException("memfd_create: EPERM.")));
        Action<IServiceCollection> machine = Machines.Without(Machines.Amd, error);

        CliRun run = await CliRun.OfAsync("call foo", machine);
        Assert.Contains("No code can be made.", run.Error, StringComparison.Ordinal);
        Assert.Contains("Because: mprotect: EACCES.", run.Error, StringComparison.Ordinal);
        Assert.Contains("Because: memfd_create: EPERM.", run.Error, StringComparison.Ordinal);

        string[] causes = [.. (await CliRun.OfAsync("call foo --json", machine)).Json.GetProperty("error").GetProperty("causes").EnumerateArray().Select(cause => cause.GetString()!)];
        Assert.Contains("mprotect: EACCES.", causes);
        Assert.Contains("memfd_create: EPERM.", causes);

        Assert.Contains("Because: memfd_create: EPERM.", (await CliRun.OfAsync("detect", machine)).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_hint_says_what_a_person_at_a_prompt_can_do() =>
        Assert.Contains(
            "'hypercall call --convention NAME --number N'",
            (await CliRun.OfAsync("call foo --fake kvm")).Error,
            StringComparison.Ordinal);

    [Fact]
    public void The_numbers_are_a_promise()
    {
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 70, 74, 130, 141], ExitCodes.All.Select(entry => (int)entry.Code));
        Assert.Equal(ExitCode.Usage, ExitCodes.For(new UsageException("no")));
    }

    internal static HypercallProviderException NoProvider(CpuIdentity cpu) =>
        Assert.Throws<HypercallProviderException>(() => HypercallTarget.Select(new Hypercall.Testing.FakeMachine { Cpu = cpu }.Cpuid, []));
}
