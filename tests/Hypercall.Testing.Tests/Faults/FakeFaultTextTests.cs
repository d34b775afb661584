namespace Hypercall.Testing.Tests;

/// <summary>How faults, injection points and plans are told, and how a test makes them again.</summary>
public sealed class FakeFaultTextTests
{
    [Theory]
    [InlineData(FakeFaultKind.SwapOut, 0, "SwapOut of the accessed page", "new FakeFault(FakeFaultKind.SwapOut)")]
    [InlineData(FakeFaultKind.PageMigration, 3, "PageMigration (3) of the accessed page", "new FakeFault(FakeFaultKind.PageMigration, Value: 0x3)")]
    [InlineData(FakeFaultKind.PageMigration, 0, "PageMigration (0) of the accessed page", "new FakeFault(FakeFaultKind.PageMigration)")]
    [InlineData(FakeFaultKind.MakeRom, 3, "MakeRom of the accessed page", "new FakeFault(FakeFaultKind.MakeRom)")]
    [InlineData(FakeFaultKind.Refuse, 3, "Refuse", "new FakeFault(FakeFaultKind.Refuse)")]
    [InlineData(FakeFaultKind.RefuseForeign, ulong.MaxValue, "RefuseForeign (RAX = -1)", "new FakeFault(FakeFaultKind.RefuseForeign, Value: 0xffffffffffffffff)")]
    [InlineData(FakeFaultKind.LockLimit, 4096, "LockLimit (4096)", "new FakeFault(FakeFaultKind.LockLimit, Value: 0x1000)")]
    public void A_fault_tells_what_matters_to_it(FakeFaultKind kind, ulong value, string text, string code)
    {
        FakeFault fault = new(kind, Value: value);
        Assert.Equal((text, code), (fault.ToString(), fault.ToCSharp()));
    }

    [Fact]
    public void A_target_is_told_where_the_fault_has_one()
    {
        FakeTarget target = FakeTarget.Of(2, 3);
        Assert.Equal("SwapOut of page 3 of buffer 2", new FakeFault(FakeFaultKind.SwapOut, target).ToString());
        Assert.Equal("new FakeFault(FakeFaultKind.SwapOut, FakeTarget.Of(2, 3))", new FakeFault(FakeFaultKind.SwapOut, target).ToCSharp());
        Assert.Equal("new FakeFault(FakeFaultKind.Refuse)", new FakeFault(FakeFaultKind.Refuse, target).ToCSharp());
        Assert.Equal(("the accessed page", "FakeTarget.Accessed"), (FakeTarget.Accessed.ToString(), FakeTarget.Accessed.ToCSharp()));
    }

    [Fact]
    public void An_injection_point_tells_its_call_and_its_place_in_it()
    {
        (FakeInjectionPoint InjectionPoint, string Text, string Code)[] points =
        [
            (FakeInjectionPoint.BeforeEntry(2), "call 2, before entry", "FakeInjectionPoint.BeforeEntry(2)"),
            (FakeInjectionPoint.BeforeWalk(2, 3), "call 2, before walk 3", "FakeInjectionPoint.BeforeWalk(2, 3)"),
            (FakeInjectionPoint.BeforeMap(2, 3), "call 2, before map 3", "FakeInjectionPoint.BeforeMap(2, 3)"),
            (FakeInjectionPoint.BeforePage(2, 3), "call 2, before page 3", "FakeInjectionPoint.BeforePage(2, 3)"),
            (FakeInjectionPoint.BeforeReturn(2), "call 2, before return", "FakeInjectionPoint.BeforeReturn(2)"),
            (FakeInjectionPoint.AfterReturn(2), "call 2, after return", "FakeInjectionPoint.AfterReturn(2)"),
            (FakeInjectionPoint.GuestStep(3), "guest step 3", "FakeInjectionPoint.GuestStep(3)"),
        ];
        Assert.All(points, one => Assert.Equal((one.Text, one.Code), (one.InjectionPoint.ToString(), one.InjectionPoint.ToCSharp())));
    }

    [Fact]
    public void A_plan_tells_its_faults_in_their_order()
    {
        FaultPlan plan = [new(FakeInjectionPoint.GuestStep(1), new FakeFault(FakeFaultKind.SwapOut)), new(FakeInjectionPoint.BeforeEntry(2), new FakeFault(FakeFaultKind.Refuse))];
        Assert.Equal($"guest step 1: SwapOut of the accessed page{Environment.NewLine}call 2, before entry: Refuse", plan.ToString());
        Assert.Equal(
            "[new(FakeInjectionPoint.GuestStep(1), new FakeFault(FakeFaultKind.SwapOut)), new(FakeInjectionPoint.BeforeEntry(2), new FakeFault(FakeFaultKind.Refuse))]", plan.ToCSharp());
        Assert.Equal(("no faults", "[]"), (FaultPlan.None.ToString(), FaultPlan.None.ToCSharp()));
    }

    [Fact]
    public void Plans_are_equal_when_their_faults_are()
    {
        FaultPlan one = [new(FakeInjectionPoint.GuestStep(1), new FakeFault(FakeFaultKind.SwapOut))];
        FaultPlan same = [new(FakeInjectionPoint.GuestStep(1), new FakeFault(FakeFaultKind.SwapOut))];
        FaultPlan other = [new(FakeInjectionPoint.GuestStep(2), new FakeFault(FakeFaultKind.SwapOut))];
        FaultPlan none = [];
        Assert.True(one.Equals(same));
        Assert.Equal(one.GetHashCode(), same.GetHashCode());
        Assert.False(one.Equals(other));
        Assert.NotEqual(one.GetHashCode(), other.GetHashCode());
        Assert.False(one.Equals((object?)null));
        Assert.Same(FaultPlan.None, none);
    }
}
