using System.Diagnostics;
using System.Text;

namespace Hypercall.Guest.Tests;

/// <summary>The hypercall tool in the guest, driven through the serial console as a person would.</summary>
public sealed class ConsoleTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(3);

    [SkippableFact]
    public async Task Status_and_shell_answer_at_the_prompt_of_the_guest()
    {
        string? why = Rig.WhyNot("amd");
        Skip.If(why is not null, $"No amd guest: {why}");
        using Process process = Rig.Boot("amd", "--timeout", "150", "--interactive", "--append", "quiet rig.swap=64M");
        using CancellationTokenSource late = new(Bound);
        StringBuilder seen = new();
        try
        {
            await Expect("# ");
            await Type("hypercall detect");
            await Expect("VMMCALL");
            await Type("hypercall status");
            await Expect("back end: SVM");
            await Type("hypercall call add --rbx 40 --rcx 2");
            await Expect("0x2a");
            await Type("hypercall shell");
            await Expect("> ");
            await Type("help");
            await Expect("stats");
            await Type("exit");
            await Expect("# ");
            await Type("exit");
            await Expect("rig: done 0");
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"The guest did not get so far in {Bound}. It said: {seen}");
        }
        finally
        {
            Directory.CreateDirectory(Rig.Logs);
            await File.WriteAllTextAsync(Path.Combine(Rig.Logs, "console.log"), seen.ToString());
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }

        async Task Type(string line)
        {
            await process.StandardInput.WriteAsync($"{line}\n");
            await process.StandardInput.FlushAsync(late.Token);
        }

        // What comes after everything that was expected before.
        async Task Expect(string text)
        {
            int from = seen.Length;
            char[] buffer = new char[256];
            while (!seen.ToString(from, seen.Length - from).Contains(text, StringComparison.Ordinal))
            {
                int count = await process.StandardOutput.ReadAsync(buffer, late.Token);
                Assert.True(count != 0, $"The machine ended before it said '{text}'. It said: {seen}");
                _ = seen.Append(buffer, 0, count);
            }
        }
    }
}
