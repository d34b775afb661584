namespace Hypercall.Testing.Tests;

public sealed class FakeMachineOptionsTests
{
    private static readonly PhysicalExtent Extent = new(new GuestPhysicalAddress(0x2000_0000), 0x2000);

    [Fact]
    public void Options_that_say_the_same_are_equal()
    {
        Assert.Equal(new FakeMachineOptions(), new FakeMachineOptions());
        FakeMachineOptions one = new() { Seed = 3, Rom = [Extent], Plan = [new(FakeInjectionPoint.AfterReturn(1), new FakeFault(FakeFaultKind.PageMigration))] };
        FakeMachineOptions other = new() { Seed = 3, Rom = new List<PhysicalExtent> { Extent }, Plan = [new(FakeInjectionPoint.AfterReturn(1), new FakeFault(FakeFaultKind.PageMigration))] };
        Assert.Equal(one, other);
        Assert.Equal(one.GetHashCode(), other.GetHashCode());
    }

    [Fact]
    public void Options_with_another_region_are_not_equal()
    {
        Assert.NotEqual(new FakeMachineOptions { Rom = [Extent] }, new FakeMachineOptions());
        Assert.NotEqual(new FakeMachineOptions { Rom = [Extent] }, new FakeMachineOptions { Rom = [Extent, Extent] });
    }

    [Fact]
    public void A_list_that_changes_later_does_not_change_the_options()
    {
        List<PhysicalExtent> regions = [Extent];
        FakeMachineOptions options = new() { Rom = regions };
        regions.Clear();
        Assert.Equal([Extent], options.Rom);
    }

    [Fact]
    public void Plain_options_say_nothing_but_themselves() => Assert.Equal("new FakeMachine(new FakeMachineOptions { })", new FakeMachineOptions().ToCSharp());

    [Fact]
    public void The_CSharp_of_options_holds_all_of_the_CPU()
    {
        FakeMachineOptions options = new()
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
            new FakeMachine(new FakeMachineOptions { Cpu = new CpuIdentity { Vendor = "GenuineIntel", Brand = "Core \"7\" \\ ~\u00ae", MaxLeaf = 0x16, HypervisorPresent = true, HypervisorSignature = "VMMVMMVMM", HypervisorMaxLeaf = 0x40000001, VmxReported = true, SvmReported = true }, Rom = [new PhysicalExtent(new GuestPhysicalAddress(0x20000000), 0x2000)], })
            """,
            options.ToCSharp());
    }

    [Fact]
    public void The_CSharp_of_options_holds_whatever_differs()
    {
        FakeMachineOptions options = new()
        {
            Seed = 0x1F,
            Personality = FakeVmmPersonality.Kvm,
            Cpl = 0,
            HasPortPermission = true,
            Ways = FakeWays.Port | FakeWays.Kernel,
            IsRoot = true,
            Paging = FakePaging.FiveLevel,
            Cpus = 1,
            VmmCpus = [0],
            Files = new Dictionary<string, string> { ["/proc/version"] = "a \"b\"\n", ["/a"] = "" },
            Rom = [Extent, Extent],
            LockLimit = 4096,
            CanPin = false,
            CanAllocateContiguous = false,
            HideFrames = true,
            AllowStrayAccess = true,
            StepBudget = 99,
            Plan = [new(FakeInjectionPoint.AfterReturn(1), new FakeFault(FakeFaultKind.Refuse))],
        };
        const string Region = "new PhysicalExtent(new GuestPhysicalAddress(0x20000000), 0x2000)";
        Assert.Equal(
            "new FakeMachine(new FakeMachineOptions { Seed = 0x1f, Personality = FakeVmmPersonality.Kvm, Cpl = 0, HasPortPermission = true, "
            + "Ways = FakeWays.Port | FakeWays.Kernel, IsRoot = true, Paging = FakePaging.FiveLevel, Cpus = 1, VmmCpus = [0], "
            + "Files = new Dictionary<string, string> { [\"/a\"] = \"\", [\"/proc/version\"] = \"a \\\"b\\\"\\u000a\" }, "
            + $"Rom = [{Region}, {Region}], LockLimit = 4096, CanPin = false, CanAllocateContiguous = false, HideFrames = true, AllowStrayAccess = true, StepBudget = 99, "
            + "Plan = [new(FakeInjectionPoint.AfterReturn(1), new FakeFault(FakeFaultKind.Refuse))], })",
            options.ToCSharp());
    }

    [Fact]
    public void No_way_and_no_CPU_of_the_VMM_are_written_down_too() => Assert.Equal(
        "new FakeMachine(new FakeMachineOptions { Ways = FakeWays.None, VmmCpus = [], })",
        new FakeMachineOptions { Ways = FakeWays.None, VmmCpus = [] }.ToCSharp());

    [Fact]
    public void Files_and_CPUs_are_compared_by_what_they_say()
    {
        static FakeMachineOptions With(int cpu, string text) => new()
        {
            VmmCpus = new List<int> { cpu },
            Files = new Dictionary<string, string> { ["/b"] = text, ["/a"] = "" },
        };
        Assert.Equal(With(0, "x"), With(0, "x") with { Files = new SortedDictionary<string, string> { ["/a"] = "", ["/b"] = "x" } });
        Assert.Equal(With(0, "x").GetHashCode(), With(0, "x").GetHashCode());
        Assert.NotEqual(With(0, "x"), With(1, "x"));
        Assert.NotEqual(With(0, "x"), With(0, "y"));
        Assert.NotEqual(With(0, "x"), With(0, "x") with { VmmCpus = null });
    }

    [Fact]
    public void Files_that_change_later_do_not_change_the_options()
    {
        Dictionary<string, string> files = new() { ["/a"] = "x" };
        FakeMachineOptions options = new() { Files = files };
        files.Clear();
        Assert.Equal("x", options.Files["/a"]);
        Assert.Throws<ArgumentNullException>("value", () => new FakeMachineOptions { Files = null! });
    }

    [Theory]
    [InlineData(2)]
    [InlineData(-1)]
    public void The_VMM_takes_over_CPUs_that_there_are(int cpu) =>
        Assert.Throws<ArgumentOutOfRangeException>("options", () => new FakeMachine(new FakeMachineOptions { Cpus = 2, VmmCpus = [0, cpu] }));

    [Fact]
    public void A_machine_has_ways_that_there_are() =>
        Assert.Throws<ArgumentOutOfRangeException>(
            "options", () => new FakeMachine(new FakeMachineOptions { Ways = (FakeWays)32 }));

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_machine_has_a_CPU_a_step_and_four_or_five_levels(int none)
    {
        Assert.Throws<ArgumentOutOfRangeException>("options", () => new FakeMachine(new FakeMachineOptions { Cpus = none }));
        Assert.Throws<ArgumentOutOfRangeException>("options", () => new FakeMachine(new FakeMachineOptions { StepBudget = none }));
        Assert.Throws<ArgumentOutOfRangeException>("options", () => new FakeMachine(new FakeMachineOptions { Paging = (FakePaging)none }));
    }
}
