using System.Text;
using Hypercall.BitVisor;

namespace Hypercall.Conformance.Scenarios;

/// <summary><c>get_status</c> and its client.</summary>
internal static class StatusScenarios
{
    private const ulong Enabled = 0;
    private const ulong Disabled = 1;
    private const ulong Growing = 2;

    public static IEnumerable<Scenario> All { get; } =
    [
        new("status: the client gets lines of names and values", Needs.Rig, Text),
        new("status: a buffer that is too small is told the size that is needed, and the exact size is enough", Needs.Rig, Sizes),
        new("status: it is written across pages at any offset", Needs.Rig, Offsets),
        new("status: an absent page is not delivered, and nothing is said of a larger size", Needs.Rig, AbsentPage),
        new("status: a read-only page is not delivered", Needs.Rig | Needs.Protection, ReadOnlyPage),
        new("status: when it is disabled, no register is written, and the client says so", Needs.Rig, WhenDisabled),
        new("status: a text that grows between two calls is told its new size, and had in the end", Needs.Rig, WhenGrowing),
    ];

    private static void InMode(ScenarioContext context, ulong mode, Action action)
    {
        ulong old = context.Rig.Call("status_mode", mode);
        try
        {
            action();
        }
        finally
        {
            Check.Equal(mode, context.Rig.Call("status_mode", old), "status_mode");
        }
    }

    private static HypercallResult Ask(ScenarioContext context, ulong address, ulong size) => context.Rig.Get("get_status").Call(address, size);

    private static void Text(ScenarioContext context)
    {
        string text = new VmmStatusClient(context.Vmm).GetStatus();
        string[] lines = text.TrimEnd('\n').Split('\n');
        Check.That(lines.Length >= 2, text);
        Check.That(lines.All(line => line.Contains(": ", StringComparison.Ordinal)), text);
        context.Note(string.Join(" | ", lines));
    }

    // The text may grow or shrink by some digits between two calls: it counts exits.
    private static void Sizes(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(GuestPage.Size);
        byte[] before = buffer.Span.ToArray();
        HypercallResult none = Ask(context, buffer.Address.Value, 0);
        Check.Equal(1ul, none.Rax);
        Check.That(none.Rcx is > 0 and <= GuestPage.Size, $"it needs {none.Rcx} bytes");
        HypercallResult few = Ask(context, buffer.Address.Value, 1);
        Check.Equal(1ul, few.Rax);
        Check.That(few.Rcx > 1);
        Check.Bytes(before, buffer.Span, "a buffer that is too small");

        for (int attempt = 0; attempt < 100; attempt++)
        {
            ulong needed = Ask(context, buffer.Address.Value, 0).Rcx;
            buffer.Span.Fill(0xEE);
            HypercallResult exact = Ask(context, buffer.Address.Value, needed);
            if (exact.Rax == 0 && exact.Rcx == needed)
            {
                Check.That(!buffer.Span[..(int)needed].Contains((byte)0xEE), "the text");
                Check.That(buffer.Span[(int)needed..].IndexOfAnyExcept((byte)0xEE) < 0, "what lies behind the text");
                Check.That(Encoding.ASCII.GetString(buffer.Span[..(int)needed]).Contains(": ", StringComparison.Ordinal));
                return;
            }
        }

        throw new ScenarioFailedException("The exact size was never enough.");
    }

    private static void Offsets(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Allocate(3 * GuestPage.Size);
        foreach (int offset in (int[])[0, 1, GuestPage.Size - 1, GuestPage.Size - 20, GuestPage.Size])
        {
            buffer.Span.Fill(0xEE);
            HypercallResult result = Ask(context, buffer.Address.Value + (ulong)offset, GuestPage.Size);
            Check.Equal(0ul, result.Rax, $"offset {offset}");
            Check.That(buffer.Span[..offset].IndexOfAnyExcept((byte)0xEE) < 0, $"offset {offset}: before the text");
            Check.That(!buffer.Span.Slice(offset, (int)result.Rcx).Contains((byte)0xEE), $"offset {offset}: the text");
        }
    }

    private static void AbsentPage(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(2 * GuestPage.Size, Residency.Touched);
        foreach (int absent in (int[])[0, 1])
        {
            buffer.Touch();
            context.Machine.MigratePage(buffer, absent);
            HypercallResult result = Ask(context, buffer.Address.Value + GuestPage.Size - 10, GuestPage.Size);
            Check.Equal(1ul, result.Rax, $"page {absent} is absent");
            Check.That(result.Rcx <= GuestPage.Size, $"page {absent} is absent: it wants {result.Rcx} bytes");
        }
    }

    private static void ReadOnlyPage(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(GuestPage.Size, Residency.Touched);
        byte[] before = buffer.Span.ToArray();
        context.Machine.Protect(buffer, 0, readOnly: true);
        HypercallResult result = Ask(context, buffer.Address.Value, GuestPage.Size);
        context.Machine.Protect(buffer, 0, readOnly: false);
        Check.Equal(1ul, result.Rax);
        Check.That(result.Rcx <= GuestPage.Size, $"it wants {result.Rcx} bytes");
        Check.Bytes(before, buffer.Span, "the page");
    }

    private static void WhenDisabled(ScenarioContext context) => InMode(context, Disabled, () =>
    {
        using GuestBuffer buffer = context.Fill(GuestPage.Size);
        byte[] before = buffer.Span.ToArray();
        HypercallResult result = Ask(context, buffer.Address.Value, 100);
        Check.That(result.NumberCameBack);
        Check.Equal(100ul, result.Rcx);
        Check.Bytes(before, buffer.Span, "the page");
        Check.Equal(VmmStatusOutcome.Disabled, new VmmStatusClient(context.Vmm).TryGetStatus().Outcome);
        _ = Check.Throws<VmmFunctionDisabledException>(() => new VmmStatusClient(context.Vmm).GetStatus(), "GetStatus");
    });

    private static void WhenGrowing(ScenarioContext context) => InMode(context, Growing, () =>
    {
        using GuestBuffer buffer = context.Fill(GuestPage.Size);
        ulong size = Ask(context, buffer.Address.Value, 0).Rcx;
        for (int i = 0; i < 2; i++)
        {
            HypercallResult grown = Ask(context, buffer.Address.Value, size);
            Check.Equal((1ul, size + 1), (grown.Rax, grown.Rcx), "a byte more than at the call before");
            size = grown.Rcx;
        }

        HypercallResult had = Ask(context, buffer.Address.Value, size);
        Check.Equal((0ul, size), (had.Rax, had.Rcx), "it grows three times");
        VmmStatusReport report = new VmmStatusClient(context.Vmm).TryGetStatus();
        Check.Equal(VmmStatusOutcome.Available, report.Outcome, report.Message);
    });
}
