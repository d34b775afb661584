using System.Text.Json;
using Hypercall.Testing;

namespace Hypercall.Cli.Tests.Commands;

public sealed class SendByConventionTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData("--convention bitvisor --number 5 --arg 7", "rbx:address rcx:4096 rdx:7")]
    [InlineData("--convention xen --number 17 --layout address:1 --arg 1", "rdi:1 rsi:address rdx:0")]
    [InlineData(
        "--convention xen --number 17 --layout address:4 --arg 1 --arg 2 --arg 3 --arg 4",
        "rdi:1 rsi:2 rdx:3 r10:4 r8:address")]
    [InlineData("--convention nyx --number 29 --layout address:0", "rcx:address")]
    [InlineData(
        "--convention hyper-v --number 0x5c --layout pages:0,1 --arg 1",
        "rdx:address r8:0 rcx:65628")] // 0x1005c: the third argument is RCX[63:16]
    [InlineData("--convention kvm --number 12 --layout address-pages --arg 3", "rbx:address rcx:1 rdx:3")]
    [InlineData("--convention xen --number 17 --layout address-length --arg 3", "rdi:address rsi:4096 rdx:3")]
    public async Task A_layout_says_where_address_and_length_go_and_the_arguments_fill_the_rest(string options, string expected)
    {
        await File.WriteAllBytesAsync(_file, new byte[4096]);
        HypercallRegisters sent = default;
        CliRun run = await CliRun.OfAsync($"send {_file} {options} --json", Machines.Answering(registers =>
        {
            sent = registers;
            return registers with { Rax = 0 };
        }));

        Assert.Equal((ExitCode.Done, ""), (run.ExitCode, run.Error));
        foreach (string[] pair in expected.Split(' ').Select(pair => pair.Split(':')))
        {
            ulong value = sent[Enum.Parse<GeneralRegister>(pair[0], ignoreCase: true)];
            Assert.True(pair[1] == "address" ? value > 4096 && value % 4096 == 0 : $"{value}" == pair[1], $"{pair[0]} = {value}");
        }
    }

    [Fact]
    public async Task What_goes_both_ways_is_at_both_addresses()
    {
        await File.WriteAllBytesAsync(_file, new byte[4096]);
        HypercallRegisters sent = default;
        _ = await CliRun.OfAsync(
            $"send {_file} --convention hyper-v --number 0x5c --layout pages:0,1 --direction both --out -",
            Machines.Answering(registers =>
        {
            sent = registers;
            return registers with { Rax = 0 };
        }));

        Assert.NotEqual(0UL, sent.Rdx);
        Assert.Equal(sent.Rdx, sent.R8);
    }

    [Theory]
    [InlineData("--convention xen --number 17", "Which arguments of Xen 17 hold the memory is not known")]
    [InlineData(
        "--convention nyx --number 29 --direction both --out -",
        "Say it with --layout: address-length, address:N, pages:TO,FROM or address-pages")]
    [InlineData("--convention xen --layout address:1", "--convention needs --number")]
    [InlineData("--function foo --convention xen --number 17 --layout address:1", "'foo' does not go with --convention")]
    [InlineData(
        "--convention nyx --number 29 --layout address:1",
        "uses argument 1, and the convention 'Nyx' has 1 argument, counted from 0: RCX")]
    [InlineData("--convention nyx --number 29 --layout address-length", "uses argument 1")]
    [InlineData(
        "--convention hyper-v --number 1 --layout address:2",
        "puts an address into argument 2, and the convention 'Hyper-V' has 48 bits for that")]
    [InlineData(
        "--convention nyx --number 29 --layout address:0 --arg 1",
        "leaves 0 arguments of the convention 'Nyx' to the function itself (none); 1 were given")]
    [InlineData("--function foo --arg 1 --arg 2 --arg 3 --arg 4", "leaves 3 arguments")]
    [InlineData("--convention kvm --number 12 --layout address-pages", "counts in pages of 4096 bytes, and 'FILE' has 3")]
    [InlineData("--convention kvm --number 12 --layout address-pages --piece 100", "--piece is a whole number of them")]
    [InlineData(
        "--convention xen --number 17 --layout page",
        "'page' is none of address-length, address:N, pages:TO,FROM or address-pages")]
    [InlineData("--convention xen --number 17 --layout address", "'address' is none of")]
    [InlineData("--convention xen --number 17 --layout address:", "'address:' is none of")]
    [InlineData("--convention xen --number 17 --layout address:-1", "'address:-1' is none of")]
    [InlineData("--convention xen --number 17 --layout address:1,2", "'address:1,2' is none of")]
    [InlineData("--convention xen --number 17 --layout pages:1", "'pages:1' is none of")]
    [InlineData("--convention xen --number 17 --layout pages:1,", "'pages:1,' is none of")]
    [InlineData("--convention xen --number 17 --layout pages:,1", "'pages:,1' is none of")]
    [InlineData("--convention xen --number 17 --layout address-length:1", "'address-length:1' is none of")]
    [InlineData("--convention xen --number 17 --layout address:99999999999", "is none of")]
    public async Task What_cannot_be_sent_is_bad_usage_before_any_exit_to_the_VMM(string options, string expected)
    {
        await File.WriteAllBytesAsync(_file, [1, 2, 3]);
        CliRun run = await CliRun.OfAsync(
            $"send {_file} {options}",
            Machines.Answering(_ => throw new InvalidOperationException("It was called.")));

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains(expected.Replace("FILE", _file, StringComparison.Ordinal), run.Error, StringComparison.Ordinal);
        Assert.Contains("See 'hypercall send --help'.", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_may_have_a_layout_of_its_own()
    {
        await File.WriteAllBytesAsync(_file, [1, 2, 3]);
        (ulong, ulong, bool) seen = default;
        FakeMachine fake = new FakeMachine().On("f", call => seen = (call.Rbx, call.Rcx, call.Rdx != 0));
        CliRun run = await CliRun.OfAsync(
            $"send {_file} --function f --layout address:2 --arg 5 --arg 6 --json",
            Machines.Use(fake));

        Assert.Equal((5UL, 6UL, true), seen);
        Assert.Equal("address:2", run.Json.GetProperty("layout").GetString());
    }

    [Theory]
    [InlineData("address-length")]
    [InlineData("address:1")]
    [InlineData("pages:0,1")]
    [InlineData("address-pages")]
    public async Task The_layout_is_told_as_it_is_given(string layout)
    {
        await File.WriteAllBytesAsync(_file, new byte[4096]);
        CliRun run = await CliRun.OfAsync(
            $"send {_file} --convention xen --number 17 --layout {layout.ToUpperInvariant()} --json",
            Machines.Answering(registers => registers));

        Assert.Equal(layout, run.Json.GetProperty("layout").GetString());
        Assert.Equal(("Xen", 17), (run.Json.GetProperty("convention").GetString(), run.Json.GetProperty("number").GetInt32()));
        Assert.Equal(JsonValueKind.Null, run.Json.GetProperty("function").ValueKind);
    }

    [Fact]
    public async Task An_answer_that_proves_another_VMM_exits_4_and_says_to_which_call()
    {
        await File.WriteAllBytesAsync(_file, [1]);
        CliRun run = await CliRun.OfAsync($"send {_file} --convention nyx --number 17 --layout address:0 --fake kvm --json");

        Assert.Equal(ExitCode.ForeignVmm, run.ExitCode);
        JsonElement error = run.Json.GetProperty("error");
        Assert.Equal(
            ("foreignVmm", "Nyx 17", "0xffffffffffffffff"),
            (Text(error, "kind"), Text(error, "function"), Text(error, "rax")));
        Assert.StartsWith("Nyx 17: ", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_convention_calls_failure_exits_1_and_warns_where_CPUID_names_another_VMM()
    {
        await File.WriteAllBytesAsync(_file, [1]);
        CliRun run = await CliRun.OfAsync($"send {_file} --convention xen --number 17 --layout address:1 --fake kvm");

        Assert.Equal(ExitCode.Refused, run.ExitCode);
        Assert.Contains("warning: CPUID names the VMM 'KVMKVMKVM'", run.Error, StringComparison.Ordinal);
        Assert.Contains("Xen 17: The function failed after 0 of 1 bytes", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(10_000, 4096, 3)]
    [InlineData(4096, 4096, 1)]
    [InlineData(3, 1, 3)]
    [InlineData(3, 100, 1)]
    public async Task A_piece_cuts_what_goes_by_virtual_address(int size, int piece, int calls)
    {
        await File.WriteAllBytesAsync(_file, [.. Enumerable.Repeat((byte)'a', size)]);
        string send = $"send {_file} --function upper_gva --piece {piece} --rax-means bytes --vmm fake";
        CliRun run = await CliRun.OfAsync($"{send} --direction both --out -");
        CliRun told = await CliRun.OfAsync($"{send} --json");

        Assert.Equal(Enumerable.Repeat((byte)'A', size), run.Bytes);
        Assert.Equal((calls, piece), (told.Json.GetProperty("calls").GetInt32(), told.Json.GetProperty("piece").GetInt32()));
    }

    [Fact]
    public async Task Cancelled_between_two_pieces_it_exits_130_and_says_how_far_it_got()
    {
        using CancellationTokenSource source = new();
        await File.WriteAllBytesAsync(_file, new byte[200 * 1024]);
        int calls = 0;
        FakeMachine fake = new FakeMachine().On("f", _ =>
        {
            if (++calls == 2)
            {
                source.Cancel();
            }
        });
        CliRun run = await CliRun.OfAsync(
            ["send", _file, "--function", "f", "--piece", "64KiB"], Machines.Use(fake), source.Token);

        Assert.Equal((ExitCode.Cancelled, 2), (run.ExitCode, calls));
        Assert.Contains("f: The transfer was cancelled after 131072 of 204800 bytes", run.Error, StringComparison.Ordinal);
    }

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();
}
