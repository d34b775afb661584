using Hypercall.Guest.Tests.Tap;
using Xunit.Sdk;

namespace Hypercall.Guest.Tests.Conformance;

public class ScenarioListTests
{
    private static readonly TapReport Report = TapReport.Parse(["1..3", "ok 1 - a: one", "ok 2 - a: two # SKIP no swap", "not ok 3 - a: three", "  message: \"3\""]);

    [Fact]
    public void One_that_passed_passes() => ScenarioList.Check("a: one", Report, ["a: one"], "");

    [Fact]
    public void One_that_was_skipped_is_a_skipped_test_with_its_reason()
    {
        string? reason = null;
        try
        {
            ScenarioList.Check("a: two", Report, [], "");
        }
        catch (SkipException skipped) // Assert.Throws would let it through, and this test would be skipped
        {
            reason = skipped.Message;
        }

        Assert.EndsWith("no swap", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_was_skipped_and_is_required_fails()
    {
        Exception error = Assert.ThrowsAny<XunitException>(() => ScenarioList.Check("a: two", Report, ["a: two"], ""));
        Assert.Contains("no swap", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_failed_fails_with_its_message()
    {
        Assert.Contains("message: \"3\"", Assert.ThrowsAny<XunitException>(() => ScenarioList.Check("a: three", Report, [], "")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_the_run_did_not_get_to_fails_with_the_trace_of_the_run()
    {
        Assert.Contains("it hung", Assert.ThrowsAny<XunitException>(() => ScenarioList.Check("a: four", Report, [], "it hung")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("amd")]
    [InlineData("intel")]
    [InlineData("no-vmm")]
    [InlineData("fake")]
    public void Required_scenarios_exist(string machine)
    {
        Assert.NotEmpty(ScenarioList.Required(machine));
        Assert.Empty(ScenarioList.Required(machine).Except(ScenarioList.All));
    }

    // Whatever the machine says of itself, these are the ones that it is there for.
    [Theory]
    [InlineData("amd")]
    [InlineData("intel")]
    public void All_that_mean_something_under_a_VMM_are_required_there(string machine)
    {
        Assert.Empty(ScenarioList.WithVmm.Select(row => row.Data.Value).Except(ScenarioList.Required(machine)));
    }
}
