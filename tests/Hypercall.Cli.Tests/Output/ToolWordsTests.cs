using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Text.Json;
using System.Text.RegularExpressions;
using Hypercall.Cli.Output;
using Hypercall.Testing;

namespace Hypercall.Cli.Tests.Output;

/// <summary>The tool's messages speak of its options, and never of C# members.</summary>
public partial class ToolWordsTests
{
    private static readonly Assembly[] Libraries =
    [
        typeof(HypercallRegisters).Assembly, typeof(Native.NativeMachine).Assembly, typeof(Intel.IntelProvider).Assembly, typeof(Amd.AmdProvider).Assembly, typeof(FakeMachine).Assembly,
    ];

    /// <summary>
    /// Public names that no English word is: with a hump (<c>AllowFallback</c>), or an interface's (<c>IGuestMemory</c>).
    /// </summary>
    private static readonly HashSet<string?> Names =
    [
        .. Libraries.SelectMany(library => library.GetExportedTypes())
            .SelectMany(type => type.GetMembers().OfType<MethodBase>().SelectMany(method => method.GetParameters()).Select(parameter => parameter.Name)
                .Concat(type.GetMembers().Select(member => (string?)member.Name)).Append(type.Name.Split('`')[0]))
            .Where(name => name is not null && Hump().IsMatch(name) && name != "BitVisor"),
    ];

    // Sentences for who writes a program or a test: no command of the tool can meet them.
    private static readonly string[] ForPrograms =
    [
        "AddHypercall", "AddIntel", "AddKeyedHypercall", "AsMemory", "BytesPerCall", "choose Contiguous or PageByPage", "ExcludedFrom", "FakeMapAccess", "HypercallStatus", "KeptBy", "the handler the function's TransferLayout", "ToVmm", "VmmCheck", "WithChannel",
    ];

    [Fact]
    public void No_sentence_of_the_libraries_reaches_the_tool_s_user_with_a_member_of_a_class()
    {
        string[] left = [.. Libraries.SelectMany(Sentences)
            .Where(sentence => !ForPrograms.Any(word => sentence.Contains(word, StringComparison.Ordinal)))
            .Select(ToolWords.Of)
            .Where(sentence => MembersIn(sentence).Any())];

        Assert.True(left.Length == 0, $"Give each a line in ToolWords, or in {nameof(ForPrograms)}:\n{string.Join('\n', left)}");
    }

    [Theory]
    [InlineData("send - --function upper_gpa --passing pages --residency locked --direction both --out - --vmm fake", "--accept-memory-corruption-if-pages-move")]
    [InlineData("send - --function upper_gpa --passing pages --residency locked --direction both --out /dev/null --vmm fake --json", "--residency pinned")]
    [InlineData("call foo --fake none", "--instruction auto|vmcall|vmmcall")]
    [InlineData("call foo --fake none --json", "Run this in a guest")]
    [InlineData("call nosuch --vmm fake", "'hypercall detect")]
    [InlineData("call foo --fake kvm", "'hypercall call --convention NAME --number N'")]
    public async Task A_failing_command_names_options(string commandLine, string option)
    {
        CliRun run = await CliRun.OfAsync(commandLine, new MemoryStream([1, 2, 3]));

        Assert.Contains(option, run.Out + run.Error, StringComparison.Ordinal);
        Assert.Empty(MembersIn(run.Out + run.Error));
    }

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task A_refusal_reaches_the_user_whole_and_in_the_tool_s_words(GuestMemoryRefusalReason reason)
    {
        const string message = "io_uring_setup: EPERM; ramfs: mount: EPERM. Allocate it with Residency.Pinned, or allow a fallback (GuestBufferOptions.AllowFallback).";
        const string told = "io_uring_setup: EPERM; ramfs: mount: EPERM. Allocate it with --residency pinned, or allow a fallback (--allow-fallback).";
        Action<Microsoft.Extensions.DependencyInjection.IServiceCollection> machine = Machines.Refusing(new GuestMemoryRefusal(reason, message));

        Assert.Contains(told, (await CliRun.OfAsync("call foo", machine)).Error, StringComparison.Ordinal);
        JsonElement called = (await CliRun.OfAsync("call foo --json", machine)).Json.GetProperty("error");
        string function = reason == GuestMemoryRefusalReason.PlatformNotSupported ? "" : "foo: "; // that is the machine's
        Assert.Equal(function + told, called.GetProperty("message").GetString());
        Assert.Equal(told, (await CliRun.OfAsync("detect --try --json", machine)).Json.GetProperty("error").GetProperty("message").GetString());
        Assert.Contains(told, (await CliRun.OfAsync("detect --try", machine)).Out, StringComparison.Ordinal);
    }

    [Fact]
    public void What_chose_the_way_of_pinning_is_named_by_its_option() => Assert.Equal(
        "io_uring: not tried, because --pinning ramfs was asked for; --pinning io_uring; --pinning auto",
        ToolWords.Of("io_uring: not tried, because PinningMechanism.RamFs was asked for; PinningMechanism.IoUring; PinningMechanism.Best"));

    [Fact]
    public async Task A_name_that_the_user_gave_is_told_as_it_was_given()
    {
        CliRun run = await CliRun.OfAsync("send nothing(GuestBuffer.Touch)Residency.Pinned --function upper_gva --vmm fake");

        Assert.Contains("'nothing(GuestBuffer.Touch)Residency.Pinned'", run.Error, StringComparison.Ordinal);
    }

    public static TheoryData<GuestMemoryRefusalReason> Refusals => [.. Enum.GetValues<GuestMemoryRefusalReason>()];

    private static IEnumerable<string> MembersIn(string text) => Word().Matches(text).Select(word => word.Value).Where(Names.Contains);

    private static IEnumerable<string> Sentences(Assembly library)
    {
        using FileStream file = File.OpenRead(library.Location);
        using PEReader image = new(file);
        MetadataReader metadata = image.GetMetadataReader();
        for (UserStringHandle handle = metadata.GetNextHandle(default(UserStringHandle)); !handle.IsNil; handle = metadata.GetNextHandle(handle))
        {
            string text = metadata.GetUserString(handle);
            if (text.Contains(' ', StringComparison.Ordinal) && !Listing().IsMatch(text))
            {
                yield return text;
            }
        }
    }

    [GeneratedRegex("^([a-zA-Z][a-z0-9]+[A-Z]|I[A-Z][a-z])")]
    private static partial Regex Hump();

    [GeneratedRegex("[A-Za-z][A-Za-z0-9]+")]
    private static partial Regex Word();

    // What records print of themselves (", BytesDone = "), C# that makes a case again (new FakeMachineOptions), and the tags of
    // lists.
    [GeneratedRegex(@"^\W*\w+\W*$| = $|^[A-Z]\w+ = \w+$|new [A-Z]")]
    private static partial Regex Listing();
}
