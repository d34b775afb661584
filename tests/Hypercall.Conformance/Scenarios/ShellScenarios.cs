using System.Text;
using Hypercall.BitVisor;

namespace Hypercall.Conformance.Scenarios;

/// <summary><c>dbgsh</c> and its client.</summary>
internal static class ShellScenarios
{
    private const ulong Nothing = ulong.MaxValue;

    public static IEnumerable<Scenario> All { get; } =
    [
        new("shell: help, stats and exit", Needs.Rig, Session),
        new("shell: an unknown command is told so", Needs.Rig, Unknown),
        new("shell: the end of input leaves the session, and the next one goes on with it", Needs.Rig, EndOfInput),
        new("shell: sessions one after another", Needs.Rig, Sessions),
        new("shell: a NUL is a key, and comes back as one", Needs.Rig, NulKey),
        new("shell: a character waits until it is acknowledged", Needs.Rig, Acknowledgement),
        new("shell: when it is disabled it says so and ends", Needs.Rig, Disabled),
        new("shell: the asynchronous client says the same", Needs.Rig, Asynchronous),
    ];

    private static (VmmShellOutcome Outcome, string Text) Type(ScenarioContext context, string keys)
    {
        using MemoryStream input = new(Encoding.ASCII.GetBytes(keys));
        using MemoryStream output = new();
        VmmShellOutcome outcome = new VmmShell(context.Vmm).Run(input, output);
        return (outcome, Encoding.ASCII.GetString(output.ToArray()));
    }

    private static void Has(string text, string part) => Check.That(text.Contains(part, StringComparison.Ordinal), $"'{part}' is not in '{text}'");

    private static void Session(ScenarioContext context)
    {
        (VmmShellOutcome outcome, string text) = Type(context, "help\nstats\nexit\n");
        Check.Equal(VmmShellOutcome.Ended, outcome, text);
        Check.That(text.StartsWith("> help\n", StringComparison.Ordinal), text);
        Has(text, "stats");
        Has(text, "exit");
        Has(text, "> stats\n");
        Has(text, "> exit\n");
    }

    private static void Unknown(ScenarioContext context)
    {
        (VmmShellOutcome outcome, string text) = Type(context, "frobnicate\nexit\n");
        Check.Equal(VmmShellOutcome.Ended, outcome, text);
        Has(text, "frobnicate: unknown command, try help\n> ");
    }

    private static void EndOfInput(ScenarioContext context)
    {
        (VmmShellOutcome outcome, string text) = Type(context, "he");
        Check.Equal(VmmShellOutcome.EndOfInput, outcome, text);
        (outcome, string more) = Type(context, "lp\nexit\n");
        Check.Equal(VmmShellOutcome.Ended, outcome, more);
        Check.That(!more.Contains("unknown command", StringComparison.Ordinal), $"'{text}', then '{more}'");
    }

    private static void Sessions(ScenarioContext context)
    {
        for (int i = 0; i < context.Repeat(20); i++)
        {
            (VmmShellOutcome outcome, string text) = Type(context, "exit\n");
            Check.Equal(VmmShellOutcome.Ended, outcome, text);
            Check.Equal("> exit\n", text);
        }
    }

    private static void NulKey(ScenarioContext context)
    {
        (VmmShellOutcome outcome, string text) = Type(context, "a\0b\nexit\n");
        Check.Equal(VmmShellOutcome.Ended, outcome, text);
        Has(text, "a\0b\n");
    }

    private static void Acknowledgement(ScenarioContext context)
    {
        HypercallFunction shell = context.Rig.Get("dbgsh");
        ulong first = shell.Call(Nothing).Rax;
        Check.Equal((ulong)'>', first);
        Check.Equal(first, shell.Call(Nothing).Rax, "asked again");
        Check.Equal((ulong)' ', shell.Call(0).Rax, "acknowledged");
        (VmmShellOutcome outcome, string text) = Type(context, "exit\n");
        Check.Equal((VmmShellOutcome.Ended, " exit\n"), (outcome, text));
    }

    private static void Disabled(ScenarioContext context)
    {
        ulong old = context.Rig.Call("shell_mode", 1);
        (VmmShellOutcome outcome, string text) = Type(context, "help\n");
        Check.Equal(1ul, context.Rig.Call("shell_mode", old));
        Check.Equal(VmmShellOutcome.Disabled, outcome, text);
        Has(text, "disabled");
        Session(context);
    }

    private static void Asynchronous(ScenarioContext context)
    {
        using MemoryStream input = new("help\nexit\n"u8.ToArray());
        using MemoryStream output = new();
        VmmShellOutcome outcome = new VmmShell(context.Vmm).RunAsync(input, output).GetAwaiter().GetResult();
        Check.Equal(VmmShellOutcome.Ended, outcome);
        (_, string text) = Type(context, "help\nexit\n");
        Check.Equal(text, Encoding.ASCII.GetString(output.ToArray()));
    }
}
