namespace Hypercall.Testing.Tests;

public sealed class FakeVmmOptionsTests
{
    private static readonly PhysicalExtent Extent = new(new GuestPhysicalAddress(0x2000_0000), 0x2000);

    [Fact]
    public void Options_that_say_the_same_are_equal()
    {
        Assert.Equal(new FakeVmmOptions(), new FakeVmmOptions());
        FakeVmmOptions one = new() { Seed = 3, Rom = [Extent], Plan = [new(FakeMoment.AfterReturn(1), new FakeFault(FakeFaultKind.Migrate))] };
        FakeVmmOptions other = new() { Seed = 3, Rom = new List<PhysicalExtent> { Extent }, Plan = [new(FakeMoment.AfterReturn(1), new FakeFault(FakeFaultKind.Migrate))] };
        Assert.Equal(one, other);
        Assert.Equal(one.GetHashCode(), other.GetHashCode());
    }

    [Fact]
    public void Options_with_another_region_are_not_equal()
    {
        Assert.NotEqual(new FakeVmmOptions { Rom = [Extent] }, new FakeVmmOptions());
        Assert.NotEqual(new FakeVmmOptions { Rom = [Extent] }, new FakeVmmOptions { Rom = [Extent, Extent] });
    }

    [Fact]
    public void A_list_that_changes_later_does_not_change_the_options()
    {
        List<PhysicalExtent> regions = [Extent];
        FakeVmmOptions options = new() { Rom = regions };
        regions.Clear();
        Assert.Equal([Extent], options.Rom);
    }

    [Fact]
    public void Plain_options_say_nothing_but_themselves() => Assert.Equal("new FakeVmm(new FakeVmmOptions { })", new FakeVmmOptions().ToCSharp());

    [Fact]
    public void The_CSharp_of_options_holds_all_of_the_CPU()
    {
        FakeVmmOptions options = new()
        {
            Cpu = new CpuIdentity
            {
                Vendor = "GenuineIntel",
                Brand = "Core \"7\" \\ ~\u00ae",
                MaxLeaf = 0x16,
                HypervisorPresent = true,
                HypervisorSignature = "VMMVMMVMM",
                HypervisorMaxLeaf = 0x4000_0001,
                VmxReported = true,
                SvmReported = true,
            },
            Rom = [Extent],
        };
        Assert.Equal(
            """
            new FakeVmm(new FakeVmmOptions { Cpu = new CpuIdentity { Vendor = "GenuineIntel", Brand = "Core \"7\" \\ ~\u00ae", MaxLeaf = 0x16, HypervisorPresent = true, HypervisorSignature = "VMMVMMVMM", HypervisorMaxLeaf = 0x40000001, VmxReported = true, SvmReported = true }, Rom = [new PhysicalExtent(new GuestPhysicalAddress(0x20000000), 0x2000)], })
            """,
            options.ToCSharp());
    }

    [Fact]
    public void The_CSharp_of_options_holds_whatever_differs()
    {
        FakeVmmOptions options = new()
        {
            Seed = 0x1F,
            Personality = FakeVmmPersonality.Kvm,
            Paging = FakePaging.FiveLevel,
            Cpus = 1,
            Rom = [Extent, Extent],
            LockLimit = 4096,
            CanPin = false,
            CanAllocateContiguous = false,
            HideFrames = true,
            AllowStrayAccess = true,
            StepBudget = 99,
            Plan = [new(FakeMoment.AfterReturn(1), new FakeFault(FakeFaultKind.Refuse))],
        };
        const string Region = "new PhysicalExtent(new GuestPhysicalAddress(0x20000000), 0x2000)";
        Assert.Equal(
            "new FakeVmm(new FakeVmmOptions { Seed = 0x1f, Personality = FakeVmmPersonality.Kvm, Paging = FakePaging.FiveLevel, Cpus = 1, "
            + $"Rom = [{Region}, {Region}], LockLimit = 4096, CanPin = false, CanAllocateContiguous = false, HideFrames = true, AllowStrayAccess = true, StepBudget = 99, "
            + "Plan = [new(FakeMoment.AfterReturn(1), new FakeFault(FakeFaultKind.Refuse))], })",
            options.ToCSharp());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_machine_has_a_CPU_a_step_and_four_or_five_levels(int none)
    {
        Assert.Throws<ArgumentOutOfRangeException>("options", () => new FakeVmm(new FakeVmmOptions { Cpus = none }));
        Assert.Throws<ArgumentOutOfRangeException>("options", () => new FakeVmm(new FakeVmmOptions { StepBudget = none }));
        Assert.Throws<ArgumentOutOfRangeException>("options", () => new FakeVmm(new FakeVmmOptions { Paging = (FakePaging)none }));
    }
}
