using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Hypercall.Testing;

namespace Hypercall.Cli.Tests.Commands;

public sealed class SendCommandTests : IDisposable
{
    private const int FullList = 511 * 4096; // as many bytes as one frame list carries

    private static readonly (string Passing, string Function)[] Techniques =
    [
        ("gva", "upper_gva"), ("contiguous", "upper_gpa"), ("pages", "upper_gpa"), ("list", "upper_list"), ("auto", "upper_auto"),
    ];

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("hypercall-send-");

    public static TheoryData<int, string, string> Sizes
    {
        get
        {
            TheoryData<int, string, string> data = [];
            foreach (int size in (int[])[1, 4095, 4096, 4097, FullList, FullList + 1])
            {
                foreach ((string passing, string function) in Techniques)
                {
                    data.Add(size, passing, function);
                }
            }

            return data;
        }
    }

    private string In => Path.Combine(_directory.FullName, "in.bin");

    private string Out => Path.Combine(_directory.FullName, "out.bin");

    public void Dispose() => _directory.Delete(recursive: true);

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task Every_byte_goes_there_and_comes_back(int size, string passing, string function)
    {
        byte[] sent = Write(size);
        CliRun run = await CliRun.OfAsync($"send {In} --function {function} --passing {passing} --direction both --out {Out} --rax-means bytes --vmm fake --json");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        byte[] back = await File.ReadAllBytesAsync(Out);
        Assert.True(back.AsSpan().SequenceEqual(Upper(sent)));
        Assert.Equal(
            [
                "function", "convention", "number", "layout", "passing", "technique", "piece", "direction", "residency",
                "contiguity", "bytes", "bytesDone", "calls", "rax", "raxIsCallNumber", "outcome", "warnings",
            ],
            run.Json.EnumerateObject().Select(property => property.Name));
        Assert.Equal(passing != "auto" ? passing : size > 4096 ? "list" : "contiguous", Text(run, "technique"));
        Assert.Equal((passing, "both", "completed"), (Text(run, "passing"), Text(run, "direction"), Text(run, "outcome")));
        Assert.Equal((size, size), (run.Json.GetProperty("bytes").GetInt64(), run.Json.GetProperty("bytesDone").GetInt64()));
        Assert.Equal(passing == "gva" ? "touched" : "pinned", Text(run, "residency"));
        Assert.Equal(passing == "contiguous" ? "contiguous" : "any", Text(run, "contiguity"));
        int calls = passing switch
        {
            "pages" => (size + 4095) / 4096,
            "list" => (size + FullList - 1) / FullList,
            "auto" when size > 4096 => (size + FullList - 1) / FullList,
            _ => 1,
        };
        Assert.Equal(calls, run.Json.GetProperty("calls").GetInt64());
    }

    [Theory]
    [InlineData("", null, "name of the file to hand over is empty")]
    [InlineData(".", null, "it is a directory")]
    [InlineData(null, "", "name after --out is empty")]
    [InlineData(null, ".", "it is a directory")]
    public async Task A_name_that_is_no_files_is_bad_usage(string? file, string? back, string says)
    {
        Write(3);
        CliRun run = await CliRun.OfAsync(["send", file ?? In, "--function", "upper_gva", "--direction", "both", "--out", back ?? Out, "--vmm", "fake"]);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_comes_back_may_go_to_a_device()
    {
        Assert.SkipUnless(File.Exists("/dev/null"), "needs /dev/null");
        Write(3);
        CliRun run = await CliRun.OfAsync(["send", In, "--function", "upper_gva", "--direction", "both", "--out", "/dev/null", "--vmm", "fake"]);
        Assert.Equal((ExitCode.Done, ""), (run.ExitCode, run.Error));
    }

    [Property(MaxTest = 50)]
    public Property Any_bytes_of_any_length_come_back_by_any_technique() => Prop.ForAll(
        Gen.Zip(Gen.Choose(1, 20_000), Gen.Choose(0, Techniques.Length - 1)).ToArbitrary(),
        sample =>
        {
            byte[] sent = Random(sample.Item1);
            (string passing, string function) = Techniques[sample.Item2];
            CliRun run = CliRun.OfAsync(
                $"send - --function {function} --passing {passing} --direction both --out - --vmm fake", new MemoryStream(sent)).GetAwaiter().GetResult();
            return run.ExitCode == ExitCode.Done && run.Bytes.AsSpan().SequenceEqual(Upper(sent)) && run is { Out: "", Error: "" };
        });

    [Theory]
    [InlineData("from", 2)]
    [InlineData("both", 2)]
    [InlineData("to", 0)]
    public async Task What_comes_back_needs_a_place_to_go(string direction, int expected)
    {
        _ = Write(10);
        Assert.Equal(expected, (int)(await CliRun.OfAsync($"send {In} --function upper_gva --direction {direction} --vmm fake")).ExitCode);
    }

    [Theory]
    [InlineData("--direction to --out FILE")]
    [InlineData("--direction both --out - --json")]
    public async Task What_contradicts_itself_is_bad_usage(string options)
    {
        _ = Write(10);
        Assert.Equal(ExitCode.Usage, (await CliRun.OfAsync($"send {In} --function upper_gva {options.Replace("FILE", Out, StringComparison.Ordinal)} --vmm fake")).ExitCode);
    }

    [Theory]
    [InlineData("send in --function f", "empty")]
    [InlineData("send - --function upper_gva", "empty")]
    [InlineData("send nowhere --function upper_gva", "cannot be read")]
    [InlineData("send . --function upper_gva", "cannot be read")]
    [InlineData("send full --function upper_gva --direction both --out nowhere/out", "cannot be written")]
    [InlineData("send in", "--function")]
    public async Task What_cannot_be_handed_over_is_bad_usage(string commandLine, string mentions)
    {
        FakeMachine fake = new FakeMachine().On("f", _ => throw new InvalidOperationException("Called.")).On("upper_gva", _ => throw new InvalidOperationException("Called."));
        await File.WriteAllBytesAsync(Path.Combine(_directory.FullName, "in"), []);
        await File.WriteAllBytesAsync(Path.Combine(_directory.FullName, "full"), [1]);
        string[] args = [.. commandLine.Split(' ').Select(word => word is "in" or "full" or "." || word.StartsWith("nowhere", StringComparison.Ordinal)
            ? Path.Combine(_directory.FullName, word) : word)];
        CliRun run = await CliRun.OfAsync(args, Machines.Use(fake));

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains(mentions, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_function_s_own_arguments_arrive()
    {
        (ulong, ulong, ulong) seen = default;
        _ = Write(10);
        FakeMachine fake = new FakeMachine().On("f", call => seen = (call.Rdx, call.Rsi, call.Rdi));
        CliRun run = await CliRun.OfAsync($"send {In} --function f --arg 1 --arg 0x2 --arg -3", Machines.Use(fake));

        Assert.Equal((1UL, 2UL, ulong.MaxValue - 2), seen);
        Assert.Contains("RAX is still the number that was called", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_function_that_stops_part_way_exits_1_and_says_how_far_it_got_and_writes_nothing()
    {
        _ = Write(3 * 4096);
        int calls = 0;
        FakeMachine fake = new FakeMachine().On("f", call => call.Rax = ++calls == 2 ? 100 : call.Rcx);
        CliRun run = await CliRun.OfAsync($"send {In} --function f --passing pages --direction both --out {Out} --rax-means bytes --json", Machines.Use(fake));

        Assert.Equal(ExitCode.Refused, run.ExitCode);
        JsonElement error = run.Json.GetProperty("error");
        Assert.Equal("transferIncomplete", error.GetProperty("kind").GetString());
        Assert.Equal(4096 + 100, error.GetProperty("bytesDone").GetInt64());
        Assert.False(File.Exists(Out));
    }

    [Fact]
    public async Task A_file_that_exists_is_left_alone_by_a_transfer_that_fails()
    {
        _ = Write(10);
        await File.WriteAllTextAsync(Out, "precious");
        FakeMachine fake = new FakeMachine().On("f", call => call.Rax = 5);
        CliRun run = await CliRun.OfAsync($"send {In} --function f --direction both --out {Out} --rax-means status", Machines.Use(fake));

        Assert.Equal(ExitCode.Refused, run.ExitCode);
        Assert.Contains("0x5 (5)", run.Error, StringComparison.Ordinal);
        Assert.Equal("precious", await File.ReadAllTextAsync(Out));
    }

    [Fact]
    public async Task A_longer_file_that_exists_is_replaced()
    {
        byte[] sent = Write(10);
        await File.WriteAllBytesAsync(Out, new byte[5000]);
        _ = await CliRun.OfAsync($"send {In} --function upper_gva --direction from --out {Out} --vmm fake");

        Assert.Equal(Upper(sent), await File.ReadAllBytesAsync(Out));
    }

    [Theory]
    [InlineData("nothing", 0)]
    [InlineData("bytes", 0)]
    [InlineData("status", 1)]
    public async Task What_RAX_means_is_the_caller_s_to_say(string meaning, int expected)
    {
        _ = Write(10);
        FakeMachine fake = new FakeMachine().On("f", call => call.Rax = 10);
        Assert.Equal(expected, (int)(await CliRun.OfAsync($"send {In} --function f --rax-means {meaning}", Machines.Use(fake))).ExitCode);
    }

    [Fact]
    public async Task A_page_that_moved_during_the_call_exits_7()
    {
        _ = Write(2 * 4096);
        GuestBuffer? mine = null;
        FakeMachine fake = new();
        fake.Memory.Allocated = buffer => mine = buffer.Length == 2 * 4096 ? buffer : mine;
        fake.On("f", _ => fake.Memory.MigratePage(mine!, 0));
        CliRun run = await CliRun.OfAsync($"send {In} --function f --passing pages --residency locked", Machines.Use(fake));

        Assert.Equal(ExitCode.Untrusted, run.ExitCode);
    }

    [Theory]
    [InlineData("--passing list --residency locked --direction both --out OUT", "", 6, "notPinned")]
    [InlineData("--passing list --residency locked --direction both --out OUT --accept-memory-corruption-if-pages-move", "", 0, "locked")]
    [InlineData("--passing list", "cannotPin", 6, "pinningUnavailable")]
    [InlineData("--passing list --allow-fallback", "cannotPin", 0, "locked")]
    [InlineData("--passing list --allow-fallback --direction both --out OUT", "cannotPin", 6, "notPinned")]
    [InlineData("--passing contiguous", "cannotBeContiguous", 6, "notContiguous")]
    [InlineData("--passing list", "hidden", 6, "framesHidden")]
    [InlineData("--passing gva", "hidden", 0, "touched")]
    [InlineData("--passing gva --residency pinned", "", 0, "pinned")]
    [InlineData("--passing gva --residency locked", "limited", 6, "lockLimit")]
    public async Task Memory_that_is_refused_exits_6_and_the_fallback_only_where_it_is_allowed(string options, string machine, int expected, string says)
    {
        _ = Write(3 * 4096);
        FakeMachine fake = new FakeMachine().On("f", _ => { });
        (fake.Memory.CanPin, fake.Memory.CanAllocateContiguous, fake.Memory.HideFrames) = (machine != "cannotPin", machine != "cannotBeContiguous", machine == "hidden");
        fake.Memory.LockLimit = machine == "limited" ? 2 * 4096 : long.MaxValue;

        fake.Memory.Allocated = buffer => fake.Memory.CanPin |= buffer.Length == 3 * 4096; // the frame list needs a pinned page, whatever the data has
        CliRun run = await CliRun.OfAsync($"send {In} --function f {options.Replace("OUT", Out, StringComparison.Ordinal)} --json", Machines.Use(fake));

        Assert.Equal(expected, (int)run.ExitCode);
        Assert.Equal(says, expected == 0 ? Text(run, "residency") : run.Json.GetProperty("error").GetProperty("reason").GetString());
    }

    [Fact]
    public async Task Cancelled_between_two_calls_it_exits_130_and_says_how_far_it_got()
    {
        using CancellationTokenSource source = new();
        _ = Write(3 * 4096);
        int calls = 0;
        FakeMachine fake = new FakeMachine().On("f", _ =>
        {
            if (++calls == 2)
            {
                source.Cancel();
            }
        });
        CliRun run = await CliRun.OfAsync(["send", In, "--function", "f", "--passing", "pages"], Machines.Use(fake), source.Token);

        Assert.Equal((ExitCode.Cancelled, 2), (run.ExitCode, calls));
        Assert.Contains("after 8192 of 12288 bytes", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_terminal_nothing_is_drawn()
    {
        _ = Write(100 * 4096);
        Assert.Empty((await CliRun.OfAsync($"send {In} --function upper_gpa --passing pages --vmm fake")).Error);
    }

    [Fact]
    public async Task A_file_that_does_not_say_its_length_is_read_to_its_end()
    {
        Assert.SkipUnless(File.Exists("/proc/self/status"), "There is no /proc here.");
        CliRun run = await CliRun.OfAsync("send /proc/version --function upper_gva --direction both --out - --vmm fake");

        Assert.Equal(Upper(await File.ReadAllBytesAsync("/proc/version")), run.Bytes);
    }

    [Theory]
    [InlineData("none/such.bin", "there is no such file")]
    [InlineData("", "is a directory")]
    public async Task A_file_that_is_not_there_is_bad_usage_before_the_VMM_is_asked_for_the_function(string name, string mentions)
    {
        CliRun run = await CliRun.OfAsync($"send {Path.Combine(_directory.FullName, name)} --function nosuch --fake none");

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains(mentions, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_for_memory_that_may_move_names_the_options_of_the_tool()
    {
        _ = Write(100);
        CliRun run = await CliRun.OfAsync($"send {In} --function upper_list --passing list --residency touched --direction both --out {Out} --vmm fake");

        Assert.Equal(ExitCode.MemoryRefused, run.ExitCode);
        foreach (string option in (string[])["--residency pinned", "--passing gva", "--accept-memory-corruption-if-pages-move"])
        {
            Assert.Contains(option, run.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_functions_to_play_with_are_listed()
    {
        CliRun run = await CliRun.OfAsync("functions --vmm fake");
        Assert.All(Techniques, technique => Assert.Contains($"\n{technique.Function}\t", run.Out, StringComparison.Ordinal));
    }

    private static string? Text(CliRun run, string name) => run.Json.GetProperty(name).GetString();

    private static byte[] Random(int size)
    {
        byte[] bytes = new byte[size];
        new System.Random(size).NextBytes(bytes);
        return bytes;
    }

    private static byte[] Upper(byte[] bytes) => [.. bytes.Select(b => b is >= (byte)'a' and <= (byte)'z' ? (byte)(b - 32) : b)];

    private byte[] Write(int size)
    {
        byte[] bytes = Random(size);
        File.WriteAllBytes(In, bytes);
        return bytes;
    }
}
