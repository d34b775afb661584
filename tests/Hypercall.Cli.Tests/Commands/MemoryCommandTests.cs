using System.Text.Json;
using Hypercall.Cli.Commands;
using Hypercall.Cli.Memory;
using Hypercall.Testing;

namespace Hypercall.Cli.Tests.Commands;

public class MemoryCommandTests
{
    [Fact]
    public async Task On_the_fake_machine_compaction_moves_locked_pages_and_no_pinned_one()
    {
        CliRun run = await CliRun.OfAsync("memory --compact --vmm fake --json");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal(2048, Number(run, "locked", "pages"));
        Assert.Equal(1366, Number(run, "locked", "moved"));
        Assert.Equal(1366, Number(run, "touched", "moved"));
        Assert.Equal(2048, Number(run, "pinned", "pages"));
        Assert.Equal(0, Number(run, "pinned", "moved"));
        Assert.Equal("fake", run.Json.GetProperty("pinned").GetProperty("mechanism").GetString());
        Assert.True(run.Json.GetProperty("compacted").GetBoolean());
        Assert.Contains("1,366 of 2,048 locked pages (66.7 %) moved; of the 2,048 pinned pages (fake), none did.", run.Json.GetProperty("conclusion").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_says_what_was_asked_and_what_it_got()
    {
        CliRun run = await CliRun.OfAsync("memory --vmm fake --size 12KiB");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal(["touched", "touched", "nothing", "3", "3", "3", "4 KiB", "0 (0 %)"], run.Row("touched"));
        Assert.Equal(["locked", "locked", "mlock", "3", "3", "3", "4 KiB", "0 (0 %)"], run.Row("locked"));
        Assert.Equal(["pinned", "pinned", "fake", "3", "3", "3", "4 KiB", "0 (0 %)"], run.Row("pinned"));
        Assert.Contains("--compact", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Its_JSON_has_every_name()
    {
        JsonElement json = (await CliRun.OfAsync("memory --vmm fake --size 4096 --residency locked --json")).Json;

        Assert.Equal(["vmm", "size", "compacted", "touched", "locked", "pinned", "conclusion", "error"], json.EnumerateObject().Select(property => property.Name));
        Assert.Equal(
            ["asked", "got", "mechanism", "bytes", "pages", "present", "extents", "largestExtent", "moved", "frames", "missing"],
            json.GetProperty("locked").EnumerateObject().Select(property => property.Name));
        Assert.Equal(JsonValueKind.Null, json.GetProperty("pinned").ValueKind);
        Assert.Equal(JsonValueKind.Null, json.GetProperty("touched").ValueKind);
    }

    [Theory]
    [InlineData("memory --vmm fake", false)]
    [InlineData("memory --vmm fake --json", false)]
    [InlineData("memory --vmm fake --compact", false)]
    [InlineData("memory --vmm fake --frames", true)]
    [InlineData("memory --vmm fake --frames --json", true)]
    public async Task Physical_addresses_appear_only_where_they_were_asked_for(string commandLine, bool expected) =>
        Assert.Equal(expected, (await CliRun.OfAsync(commandLine)).Out.Contains("0x", StringComparison.Ordinal));

    [Theory]
    [InlineData("memory --json")]
    [InlineData("memory --compact --json")]
    public async Task Where_frames_are_hidden_it_exits_6_and_still_shows_residency(string commandLine)
    {
        FakeMachine fake = new();
        fake.Memory.HideFrames = true;
        CliRun run = await CliRun.OfAsync(commandLine, Machines.Use(fake));

        Assert.Equal(ExitCode.MemoryRefused, run.ExitCode);
        Assert.Equal("framesHidden", run.Json.GetProperty("error").GetProperty("reason").GetString());
        Assert.Contains("CAP_SYS_ADMIN", run.Json.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal("pinned", run.Json.GetProperty("pinned").GetProperty("got").GetString());
        Assert.Equal(2048, Number(run, "pinned", "present"));
        Assert.Equal(JsonValueKind.Null, run.Json.GetProperty("pinned").GetProperty("moved").ValueKind);
        Assert.Equal(JsonValueKind.Null, run.Json.GetProperty("pinned").GetProperty("extents").ValueKind);
    }

    [Fact]
    public async Task A_buffer_that_is_not_to_be_had_exits_6_and_the_others_are_still_shown()
    {
        FakeMachine fake = new();
        fake.Memory.CanPin = false;
        CliRun run = await CliRun.OfAsync("memory", Machines.Use(fake));

        Assert.Equal(ExitCode.MemoryRefused, run.ExitCode);
        Assert.Equal("nothing", run.Row("pinned")[1]);
        Assert.Equal("locked", run.Row("locked")[1]);
        Assert.Contains("Missing: ", run.Out, StringComparison.Ordinal);
        Assert.Contains("io_uring", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_pins_is_no_choice_on_the_fake_machine() =>
        Assert.Equal(ExitCode.Usage, (await CliRun.OfAsync("memory --vmm fake --pinning ramfs")).ExitCode);

    [Fact]
    public void A_pinned_page_that_moved_exits_7_and_says_so()
    {
        BufferReport[] reports = [new(Residency.Pinned) { Got = "pinned", Mechanism = "ramfs", Pages = 3, Moved = 1 }];

        Assert.Equal(ExitCode.Untrusted, MemoryCommand.Judge(reports, missing: null));
        Assert.Contains("ramfs does not pin", MemoryCommand.Conclude(reports, compacted: true, missing: null), StringComparison.Ordinal);
    }

    [Fact]
    public void A_compaction_that_moved_nothing_claims_nothing()
    {
        BufferReport[] reports = [new(Residency.Locked) { Got = "locked", Pages = 3, Moved = 0 }, new(Residency.Pinned) { Got = "pinned", Mechanism = "ramfs", Pages = 3, Moved = 0 }];

        Assert.Contains("shows nothing", MemoryCommand.Conclude(reports, compacted: true, missing: null), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new ulong[] { 5, 6, 7 }, new long[] { 3 })]
    [InlineData(new ulong[] { 5, 7, 6 }, new long[] { 1, 1, 1 })]
    [InlineData(new ulong[] { 5, 6, 0, 7 }, new long[] { 3 })] // an absent page is in no extent
    [InlineData(new ulong[] { 9, 1, 2, 8 }, new long[] { 1, 2, 1 })]
    public void Extents_are_runs_of_neighbouring_frames(ulong[] frames, long[] expected)
    {
        GuestPage[] pages = [.. frames.Select(frame => frame == 0 ? default : GuestPage.InFrame(new GuestFrameNumber(frame)))];
        Assert.Equal(expected, Extent.Of(pages).Select(extent => extent.Pages));
    }

    private static long Number(CliRun run, string buffer, string name) => run.Json.GetProperty(buffer).GetProperty(name).GetInt64();
}
