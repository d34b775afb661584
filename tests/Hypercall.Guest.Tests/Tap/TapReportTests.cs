namespace Hypercall.Guest.Tests.Tap;

public class TapReportTests
{
    [Fact]
    public void Outcomes_reasons_and_messages_are_read()
    {
        TapReport report = Parse("""
            TAP version 14
            1..4
            # machine: real
            ok 1 - a: one
            ok 2 - a: two # SKIP no swap space is on
            not ok 3 - b: three
              ---
              message: "It was 3, and not 4."
              ...
            ok 4 - b: \#PF is \\served
            #   128 of 128 pages moved
            # total 4
            """);
        Assert.True(report.IsComplete);
        Assert.Equal(TapOutcome.Passed, report.Results["a: one"].Outcome);
        Assert.Equal((TapOutcome.Skipped, "no swap space is on"), (report.Results["a: two"].Outcome, report.Results["a: two"].Details));
        Assert.Equal(TapOutcome.Failed, report.Results["b: three"].Outcome);
        Assert.Contains("It was 3, and not 4.", report.Results["b: three"].Details, StringComparison.Ordinal);
        Assert.Equal("128 of 128 pages moved", report.Results["b: #PF is \\served"].Details);
    }

    [Fact]
    public void Lines_of_a_kernel_and_of_a_VMM_are_passed_over()
    {
        TapReport report = Parse("""
            vmm: hypercall rig, SVM
            [    0.020000] ..MP-BIOS bug: 8254 timer not connected to IO-APIC
            1..2
            ok 1 - a: one
            [   12.345678] zram0: detected capacity change
            guest: ok then
            ok 2 - a: two
            rig: done 0
            """);
        Assert.True(report.IsComplete);
        Assert.Equal(["a: one", "a: two"], report.Results.Keys);
    }

    [Fact]
    public void A_line_that_a_kernel_broke_into_is_whole_again()
    {
        TapReport report = Parse("""
            1..3
            ok 1 - a: o[   12.345678] zram0: detected capacity change
            ne
            not ok 2 - a: two[   13.000001] compaction
            [   13.000002] more of it

            ok 3 - a: three # SKIP no [   14.000000] swap
            space
            """);
        Assert.True(report.IsComplete);
        Assert.Equal(["a: one", "a: two", "a: three"], report.Results.Keys);
        Assert.Equal(TapOutcome.Failed, report.Results["a: two"].Outcome);
        Assert.Equal("no space", report.Results["a: three"].Details);
    }

    [Fact]
    public void Carriage_returns_of_a_serial_line_do_not_matter()
    {
        Assert.True(TapReport.Parse(["1..1\r", "ok 1 - a: one\r"]).IsComplete);
    }

    [Theory]
    [InlineData("ok 1 - a: one")]                                              // the machine died before it said how many
    [InlineData("1..2\nok 1 - a: one")]                                        // or in the middle
    [InlineData("1..2\nok 1 - a: one\nok 2 - a: one")]                         // a name came twice
    [InlineData("1..2\nok 1 - a: one\nok 1 - a: two")]                         // a number came twice
    [InlineData("1..1\nok 1 - a: one\nBail out! it hangs")]
    public void A_report_that_breaks_off_or_repeats_itself_is_not_complete(string text)
    {
        Assert.False(Parse(text).IsComplete);
    }

    [Fact]
    public void A_reason_to_give_up_is_told()
    {
        Assert.Equal("'a: one' hangs", Parse("1..2\nnot ok 1 - a: one\nBail out! 'a: one' hangs").BailOut);
    }

    private static TapReport Parse(string text) => TapReport.Parse(text.ReplaceLineEndings("\n").Split('\n'));
}
