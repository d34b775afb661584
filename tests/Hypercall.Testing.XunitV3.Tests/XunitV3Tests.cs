namespace Hypercall.Testing.Xunit.Tests;

/// <summary>What xunit v3 has, and v2 has not, works in a property.</summary>
public sealed class XunitV3Tests
{
    [Theory]
    [InlineData(nameof(SpecimensOfV3.Skips_itself), "no VMM today")]
    [InlineData(nameof(SpecimensOfV3.Is_for_Tuesdays), "only on Tuesdays")]
    public async Task A_property_is_skipped_by_a_condition(string property, string reason)
    {
        TestRun run = await TestRun.Of<SpecimensOfV3>(property);
        Assert.Equal(reason, run.SkipReason);
    }

    [Fact]
    public async Task An_explicit_property_does_not_run_by_itself()
    {
        TestRun run = await TestRun.Of<SpecimensOfV3>(nameof(SpecimensOfV3.Runs_only_when_it_is_asked_for));
        Assert.False(run.Passed);
        Assert.Null(run.Failure);
    }

    [Fact]
    public async Task A_timeout_ends_a_property()
    {
        TestRun run = await TestRun.Of<SpecimensOfV3>(nameof(SpecimensOfV3.Never_ends));
        Assert.Contains("timed out", run.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_property_sees_the_context_of_its_test()
    {
        TestRun run = await TestRun.Of<SpecimensOfV3>(nameof(SpecimensOfV3.Knows_its_test));
        Assert.True(run.Passed, run.Failure);
    }
}
