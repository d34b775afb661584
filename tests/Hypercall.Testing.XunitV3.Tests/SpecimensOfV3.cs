namespace Hypercall.Testing.Xunit.Tests;

#pragma warning disable xUnit1000 // not public: other tests run them

/// <summary>Properties for <see cref="TestRun"/> that use what only xunit v3 has.</summary>
internal sealed class SpecimensOfV3
{
    public static bool IsTuesday => false;

    [VmmProperty]
    public void Skips_itself(FakeMachine vmm) => Assert.SkipWhen(vmm.Calls == 0, "no VMM today");

    [VmmProperty(Skip = "only on Tuesdays", SkipUnless = nameof(IsTuesday))]
    public void Is_for_Tuesdays(FakeMachine vmm) => throw new NotSupportedException();

    [VmmProperty(Explicit = true)]
    public void Runs_only_when_it_is_asked_for(FakeMachine vmm) => throw new NotSupportedException();

#pragma warning disable xUnit1069 // each try is short: what must end is the trying
    [VmmProperty(MaxTest = int.MaxValue, Timeout = 50)]
    public void Never_ends(FakeMachine vmm) => _ = vmm;
#pragma warning restore xUnit1069

    [VmmProperty(MaxTest = 1)]
    public void Knows_its_test(FakeMachine vmm) =>
        Assert.Equal(nameof(Knows_its_test), TestContext.Current.TestMethod?.MethodName);
}
