using Hypercall.Guest.Tests.Processes;
using Hypercall.Guest.Tests.Rig;

namespace Hypercall.Guest.Tests.Tool;

/// <summary>The hypercall tool and the sample service in a guest, typed at its console as a person would.</summary>
[Collection(GuestCollection.Name)]
public class ToolAtTheConsoleTests(GuestLab lab, ITestOutputHelper output)
{
    private const string Prompt = "/ # ";
    private const string ControlC = "\x03";
    private const string ControlD = "\x04";

    private static readonly TimeSpan Boot = LastResort.Bound;
    private static readonly TimeSpan Answer = LastResort.Bound;

    [Fact]
    public Task Status_is_the_VMMs_own_text() => TalkAsync("status", console =>
    {
        console.Type("hypercall status\r");
        string text = console.Expect(Prompt, Answer);
        Assert.Contains("back end: SVM", text, StringComparison.Ordinal);
    });

    [Fact]
    public Task The_shell_takes_keys_and_prints_answers_until_it_is_left() => TalkAsync("shell", console =>
    {
        console.Type("hypercall shell\r");
        _ = console.Expect("> ", Answer);
        console.Type("help\r");
        string help = console.Expect("> ", Answer);
        Assert.Contains("stats: ", help, StringComparison.Ordinal);
        Assert.Contains("exit: ", help, StringComparison.Ordinal);
        console.Type("frobnicate\r");
        Assert.Contains("frobnicate: unknown command, try help", console.Expect("> ", Answer), StringComparison.Ordinal);
        console.Type("exit\r");
        _ = console.Expect(Prompt, Answer);

        // Ctrl-D leaves without ending the VMM's side.
        console.Type("hypercall shell\r");
        _ = console.Expect("> ", Answer);
        console.Type(ControlD);
        _ = console.Expect(Prompt, Answer);
    });

    [Fact]
    public Task A_function_is_called_by_name_and_watched_by_the_sample_service() => TalkAsync("call", console =>
    {
        console.Type("hypercall call add --rbx 40 --rcx 2\r");
        Assert.Contains("0x2a", console.Expect(Prompt, Answer), StringComparison.Ordinal);
        console.Type("hypercall call nonsense; echo \"code $?.\"\r");
        Assert.Contains("code 1.", console.Expect(Prompt, Answer), StringComparison.Ordinal);

        // The program that runs on the fake elsewhere, which knows no sums; a busy emulator may be slow.
        const string Watch = "vmmwatch --Vmm:Machine=real --Vmm:SlowAfter=00:10:00 --Vmm:HungAfter=00:10:00";
        console.Type($"{Watch} --Vmm:Function=add --Vmm:Arguments:0=40 --Vmm:Arguments:1=2 --once --json; echo \"code $?.\"\r");
        string once = console.Expect("code 0.", Answer);
        Assert.Contains("\"health\":\"Healthy\",\"machine\":\"Real\",\"function\":\"add\",\"outcome\":\"Answered\",\"value\":42,", once, StringComparison.Ordinal);
        console.Type($"{Watch}; echo \"code $?.\"\r");
        _ = console.Expect("'exits' answers; the first value is ", Answer);
        _ = console.Expect("Healthy. 'exits' answered ", Answer);
        console.Type(ControlC);
        Assert.Matches("Stopped after [1-9][0-9]* polls", console.Expect("code 0.", Answer));
        _ = console.Expect(Prompt, Answer);
    });

    private async Task TalkAsync(string name, Action<GuestConsole> talk)
    {
        RigImage image = await lab.GetImageAsync("amd");
        await lab.WaitForAllAsync();
        int session = 0;

        // A thread of its own: the guest ends with it.
        string seen = await Task.Factory.StartNew(() => Talk(name, image, talk, out session), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        output.WriteLine(seen);
        Assert.Empty(ProcessSession.Members(session));
    }

    private static string Talk(string name, RigImage image, Action<GuestConsole> talk, out int session)
    {
        using GuestConsole console = Reach(image);
        session = console.Session;
        try
        {
            talk(console);
            console.Type("exit\r");
            _ = console.Expect("rig: done 0", Answer);
            Assert.Equal(0, console.WaitForEnd(Answer));
            return console.Seen;
        }
        finally
        {
            File.WriteAllText(Path.Combine(RigLogs.Folder, $"console-{name}.log"), console.Seen);
        }
    }

    // A boot that does not reach the prompt is tried once more.
    private static GuestConsole Reach(RigImage image)
    {
        for (int attempt = 1; ; attempt++)
        {
            GuestConsole console = new(image.ShellFor("amd", "rig"));
            try
            {
                _ = console.Expect(Prompt, Boot);
                return console;
            }
            catch (TimeoutException e)
            {
                console.GiveUp();
                console.Dispose();
                if (attempt == 2)
                {
                    throw;
                }

                Console.WriteLine($"console: attempt {attempt} did not reach the prompt; once more. {e.Message}");
            }
        }
    }
}
