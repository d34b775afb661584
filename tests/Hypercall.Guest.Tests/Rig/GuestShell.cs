using Hypercall.Guest.Tests.Judges;

namespace Hypercall.Guest.Tests.Rig;

/// <summary>Types at a prompt of <c>rig/shell</c> what a person would: one call, and <c>exit</c>.</summary>
/// <param name="folder">Where screens are kept.</param>
/// <param name="tell">Takes what a person should read: an attempt that did not reach the prompt.</param>
internal sealed class GuestShell(string folder, Action<string> tell)
{
    private const string Prompt = "/ # ";
    private const int MostAttempts = 2;

    /// <summary>rig/boot --help: a package that the judge needs was not to be had.</summary>
    public const int NotToBeHad = 6;

    /// <summary>Boots a guest and talks to it. It blocks its thread, and the guest ends with that thread.</summary>
    /// <param name="expected">Where, and which call.</param>
    /// <param name="image">What to boot.</param>
    public ShellRun Run(Expectation expected, RigImage image)
    {
        (TimeSpan boot, TimeSpan answer) = expected.Machine == "amd" ? (TimeSpan.FromMinutes(8), TimeSpan.FromMinutes(2)) : (TimeSpan.FromMinutes(20), TimeSpan.FromMinutes(5));
        List<int> sessions = [];
        while (true)
        {
            using GuestConsole console = new(image.ShellFor(expected.Machine, expected.Judge));
            sessions.Add(console.Session);
            string? shown = null;
            string? failure = null;
            int? code = null;
            bool isUp = false;
            try
            {
                _ = console.Expect(Prompt, boot);
                isUp = true;
                console.Type($"{expected.Call}; echo \"code $?.\"\r");
                shown = console.Expect($"code {expected.ExitCode}.", answer);
                _ = console.Expect(Prompt, answer);
                console.Type("exit\r");
                _ = console.Expect("rig: done 0", answer);
                code = console.WaitForEnd(answer);
            }
            catch (TimeoutException e)
            {
                failure = e.Message;
                code = console.WaitForEnd(TimeSpan.FromSeconds(2));
            }

            bool again = !isUp && code != NotToBeHad && sessions.Count < MostAttempts;
            if (code is null)
            {
                console.GiveUp();
            }

            string log = Path.Combine(folder, $"shell-{expected.Machine}-{expected.Judge}{(again ? ".hung" : "")}.log");
            File.WriteAllText(log, console.Seen);
            if (!again)
            {
                return new ShellRun(console.Seen, shown, code, sessions, failure);
            }

            tell($"shell {expected}: attempt {sessions.Count} did not reach the prompt; once more (log: {log})");
        }
    }
}
