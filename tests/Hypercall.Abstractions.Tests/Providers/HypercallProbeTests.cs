namespace Hypercall.Tests.Providers;

public class HypercallProbeTests
{
    [Fact]
    public void What_cannot_be_used_says_why_and_what_would_help()
    {
        HypercallProbe probe = HypercallProbe.Unusable("the module is not loaded", "Load it.");
        Assert.Equal((false, false, "the module is not loaded", "Load it."), (probe.IsUsable, probe.IsCpusChoice, probe.Reason, probe.Remedy));
        Assert.Equal("the module is not loaded", probe.ToString());
    }

    [Fact]
    public void What_lacks_something_says_what_a_user_can_give()
    {
        HypercallProbe probe = HypercallProbe.Lacks("root", "only root may open it", "Run it as root.");
        Assert.Equal((false, false, "root", "only root may open it", "Run it as root."), (probe.IsUsable, probe.IsCpusChoice, probe.Needs, probe.Reason, probe.Remedy));
        Assert.Null(HypercallProbe.Unusable("x", "y").Needs);
        Assert.Null(HypercallProbe.Usable.Needs);
        _ = Assert.Throws<ArgumentException>(() => HypercallProbe.Lacks(" ", "x", "y"));
    }

    [Fact]
    public void What_can_be_used_needs_no_words()
    {
        Assert.Equal((true, false, null, null), (HypercallProbe.Usable.IsUsable, HypercallProbe.Usable.IsCpusChoice, HypercallProbe.Usable.Reason, HypercallProbe.Usable.Remedy));
        Assert.Equal((true, true), (HypercallProbe.CpusChoice.IsUsable, HypercallProbe.CpusChoice.IsCpusChoice));
        Assert.Equal("usable", HypercallProbe.Usable.ToString());
    }

    [Theory]
    [InlineData("AuthenticAMD", true)]
    [InlineData("HygonGenuine", true)]
    [InlineData("authenticAMD", false)]
    public void A_vendors_instruction_is_the_CPUs_choice_or_cannot_be_used(string vendor, bool isChoice)
    {
        HypercallProbe probe = HypercallProbe.ByVendor(new CpuIdentity { Vendor = vendor }, "AuthenticAMD", "HygonGenuine");
        Assert.Equal((isChoice, isChoice), (probe.IsUsable, probe.IsCpusChoice));
        Assert.Equal(isChoice ? null : "it is for CPU vendor 'AuthenticAMD' or 'HygonGenuine', and this is 'authenticAMD'", probe.Reason);
    }

    [Theory]
    [InlineData("", "x")]
    [InlineData("x", " ")]
    public void No_reason_and_no_remedy_is_blank(string reason, string remedy) =>
        _ = Assert.Throws<ArgumentException>(() => HypercallProbe.Unusable(reason, remedy));
}
