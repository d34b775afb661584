using System.Text;
using FsCheck;
using Hypercall.BitVisor;
using Hypercall.Testing;
using Hypercall.Testing.Xunit;

namespace GuestAgent.Tests;

/// <summary>The agent on any machine, whatever goes wrong on it, and when.</summary>
public sealed class AgentProperties
{
    /// <summary>Lines may wait; none is lost, none comes twice, and none out of its turn.</summary>
    [VmmProperty(MaxTest = 300)]
    public void No_line_is_lost_or_doubled_whatever_happens(FakeMachine machine, NonEmptyArray<NonNull<string>> texts, PositiveInt longest)
    {
        AgentVmm vmm = new();
        LineSender lines = new(new BitVisorClient(vmm.AddTo(machine)), machine.Memory);
        string[] added = [.. texts.Get.Select(text => text.Get.PadRight(longest.Get * 97 % 9000, '.'))];
        foreach (string text in added)
        {
            lines.Add(text);
            string? problem = lines.Flush();
            Assert.Equal(problem is not null, lines.Waiting > 0);
        }

        int arrived = added.Length - lines.Waiting;
        string[] expected = [.. added.Select(Clean)];
        Assert.Equal(expected[..arrived], vmm.Log[..arrived]);
        Assert.True(vmm.Log.Length <= added.Length); // an answer may be lost after the line was taken

        // What goes wrong goes wrong once: sooner or later all of it arrives, and still only once.
        for (int i = 0; i < 10 && lines.Flush() is not null; i++)
        {
        }

        if (lines.Waiting == 0)
        {
            Assert.Equal(expected, vmm.Log);
            VmmCheck.Classify("all lines arrived");
        }
    }

    [VmmProperty(MaxTest = 300)]
    public void Every_command_is_executed_once_and_in_its_turn(FakeMachine machine, NonEmptyString[] texts)
    {
        string[] commands = [.. texts.Select((text, i) => $"{i} {Clean(text.Get)}")];
        AgentVmm vmm = new(commands);
        BitVisorClient client = new(vmm.AddTo(machine));
        Agent agent = new(new LineSender(client, machine.Memory), new CommandSource(client, machine.Memory));
        List<string> executed = [];
        for (int i = 0; i < 10 && agent.RunOnce(Execute) is not null; i++)
        {
        }

        Assert.Equal(commands[..executed.Count], executed);

        string Execute(string command)
        {
            executed.Add(command);
            return "done";
        }
    }

    /// <summary>
    /// Where nothing goes wrong, nothing may stay undone: a program that refuses everything is not careful but useless.
    /// </summary>
    [VmmProperty(MaxFaults = 0)]
    public void Where_nothing_goes_wrong_all_lines_arrive(FakeMachine machine, NonEmptyArray<NonNull<string>> texts)
    {
        AgentVmm vmm = new();
        LineSender lines = new(new BitVisorClient(vmm.AddTo(machine)), machine.Memory);
        foreach (NonNull<string> text in texts.Get)
        {
            lines.Add(text.Get);
        }

        Assert.Null(lines.Flush());
        Assert.Equal(texts.Get.Select(text => Clean(text.Get)), vmm.Log);
    }

    /// <summary>The same without xunit's attribute, for any test framework.</summary>
    [Fact]
    public void A_check_works_without_the_attribute()
    {
        VmmCheck.Run(machine =>
        {
            AgentVmm vmm = new();
            LineSender lines = new(new BitVisorClient(vmm.AddTo(machine)), machine.Memory);
            lines.Add("one");
            bool sent = lines.Flush() is null;
            Assert.True(!sent || vmm.Log is ["one"]);
        });
    }

    // What UTF-8 makes of half a surrogate pair, and a line of what ends one.
    private static string Clean(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.ReplaceLineEndings(" ")));
}
