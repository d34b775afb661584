using Hypercall.BitVisor;

namespace Hypercall.Testing.Tests;

/// <summary>Functions that are called by convention and number.</summary>
public sealed class FakeMachineNumberTests
{
    private static readonly HypercallConvention Tsffs = new(
        "TSFFS",
        number: new RegisterField(GeneralRegister.Rax, 16, 16),
        arguments: [GeneralRegister.Rdi],
        result: GeneralRegister.Rsi,
        constants: [new(new RegisterField(GeneralRegister.Rax, 0, 16), 0x4711)]);

    public static TheoryData<string> Conventions => [.. HypercallConvention.All.Select(convention => convention.Name)];

    [Theory]
    [MemberData(nameof(Conventions))]
    public void A_number_is_served_in_every_convention_with_all_its_arguments(string name)
    {
        HypercallConvention convention = HypercallConvention.All.Single(one => one.Name == name);
        ulong[] words = [.. Enumerable.Range(2, convention.Arguments.Count).Select(i => Math.Min((ulong)i * 8, convention.Arguments[i - 2].MaxValue))];
        ulong[] seen = [];
        FakeMachine fake = new FakeMachine().On(convention, 1000, call =>
        {
            seen = [call.Number, .. convention.Arguments.Select((_, i) => call.Argument(i))];
            Assert.Same(convention, call.Convention);
            Assert.Equal($"{name} 1000", call.Name);
            call.Result = 77;
        });

        HypercallResult result = new HypercallFunction(fake, convention, 1000).Call(words);

        Assert.Equal(77ul, result.Value);
        Assert.Equal([1000, .. words], seen);
        Assert.Equal(0ul, new HypercallFunction(fake, convention, 1001).Call().Value); // as BitVisor answers, whose machine it is
    }

    [Fact]
    public void The_number_is_what_its_field_holds()
    {
        FakeMachine fake = new FakeMachine(new FakeMachineOptions { Personality = FakeVmmPersonality.HyperV, Cpl = 0 })
            .On(HypercallConvention.HyperV, 8, call => call.Result = call.Number);

        HypercallResult result = new HypercallFunction(fake, HypercallConvention.HyperV, 8).Call(0, 0, 1); // the fast bit lies beside it

        Assert.Equal(8ul, result.Value);
    }

    [Fact]
    public void A_number_may_be_any_that_the_field_holds()
    {
        FakeMachine fake = new FakeMachine().On(HypercallConvention.Kvm, ulong.MaxValue, call => call.Result = 5);

        Assert.Equal(5ul, new HypercallFunction(fake, HypercallConvention.Kvm, ulong.MaxValue).Call().Value);
        Assert.Throws<ArgumentOutOfRangeException>(() => fake.On(HypercallConvention.HyperV, 0x1_0000, _ => { }));
    }

    [Fact]
    public void A_convention_with_constants_knows_its_calls_from_others()
    {
        FakeMachine fake = new FakeMachine()
            .On(HypercallConvention.Kvm, 0x0007_4711, call => call.Result = 1)
            .On(Tsffs, 7, call => call.Result = 2)
            .On(Tsffs, 0, call => call.Result = 4)
            .On(HypercallConvention.Kvm, 7, call => call.Result = 3);

        Assert.Equal(2ul, new HypercallFunction(fake, Tsffs, 7).Call().Value);
        Assert.Equal(3ul, new HypercallFunction(fake, HypercallConvention.Kvm, 7).Call().Value);
        Assert.Equal(2ul, new HypercallFunction(fake.Remove(Tsffs, 8), HypercallConvention.Kvm, 0x0007_4711).Call().Registers.Rsi);
        Assert.Equal(1ul, new HypercallFunction(fake.Remove(Tsffs, 7), HypercallConvention.Kvm, 0x0007_4711).Call().Value);
    }

    [Fact]
    public void Of_two_conventions_alike_the_first_counts()
    {
        FakeMachine fake = new FakeMachine().On(HypercallConvention.Xen, 17, call => call.Result = 1).On(HypercallConvention.Kvm, 17, call => call.Result = 2);

        Assert.Equal(1ul, new HypercallFunction(fake, HypercallConvention.Kvm, 17).Call().Value);
        Assert.Equal(2ul, new HypercallFunction(fake.Remove(HypercallConvention.Xen, 17), HypercallConvention.Kvm, 17).Call().Value);
    }

    [Fact]
    public void A_handler_is_replaced_and_removed()
    {
        FakeMachine fake = new FakeMachine().On(HypercallConvention.Xen, 17, call => call.Result = 1).On(HypercallConvention.Xen, 17, call => call.Result = 2);
        HypercallFunction function = new(fake, HypercallConvention.Xen, 17);
        Assert.Equal(2ul, function.Call().Value);

        _ = fake.Remove(HypercallConvention.Xen, 17).Remove(HypercallConvention.Xen, 18).Remove(HypercallConvention.Acrn, 1);

        Assert.Equal(0ul, function.Call().Value);
    }

    [Fact]
    public void A_name_takes_no_number_that_a_test_took()
    {
        FakeMachine fake = new FakeMachine().On(HypercallConvention.BitVisor, 4, call => call.Result = 1).On("foo", call => call.Result = 2);

        Assert.Equal(5ul, new BitVisorClient(fake).GetFunction("foo").Number);
        Assert.Equal(1ul, new HypercallFunction(fake, HypercallConvention.BitVisor, 4).Call().Value);
    }

    [Fact]
    public void Functions_by_name_are_out_of_reach_of_a_VMM_that_finds_none()
    {
        FakeMachine fake = new FakeMachine(new FakeMachineOptions { Personality = FakeVmmPersonality.Kvm, Cpl = 0 }).On("foo", call => call.Result = 2);

        Assert.Equal(unchecked((ulong)-1000L), new HypercallFunction(fake, HypercallConvention.Kvm, 4).Call().Value);
        Assert.Equal(VmmLookupOutcome.ForeignAbi, new BitVisorClient(fake).TryGetFunction("foo").Outcome);
    }

    [Fact]
    public void A_call_has_the_arguments_of_its_convention_and_no_more()
    {
        FakeMachine fake = new FakeMachine().On(HypercallConvention.Nyx, 1, call =>
        {
            _ = Assert.Throws<ArgumentOutOfRangeException>(() => call.Argument(1));
            _ = Assert.Throws<ArgumentOutOfRangeException>(() => call.Argument(-1));
        });
        Assert.Equal(0x1Ful, new HypercallFunction(fake, HypercallConvention.Nyx, 1).Call(1).Value);
        Assert.Equal(1, fake.Calls);
    }

    [Fact]
    public void A_trace_names_the_convention_and_its_arguments()
    {
        FakeMachine fake = new FakeMachine(new FakeMachineOptions { Record = true }).On(HypercallConvention.Xen, 17, call => { });
        _ = new HypercallFunction(fake, HypercallConvention.Xen, 17).Call(1, 2, 3, 4);
        _ = new HypercallFunction(new FakeMachine(new FakeMachineOptions { Personality = FakeVmmPersonality.Xen }), HypercallConvention.Xen, 17).Call(1);

        Assert.Equal("call 1: VMMCALL Xen 17 RDI=0x1 RSI=0x2 RDX=0x3", fake.Trace.Lines[0].Text);
    }

    [Fact]
    public void A_second_virtual_CPU_calls_the_same_number()
    {
        List<(ulong, ulong)> calls = [];
        FaultPlan plan = [new(FakeInjectionPoint.BeforeReturn(1), new FakeFault(FakeFaultKind.SecondCpu))];
        FakeMachine fake = new FakeMachine(new FakeMachineOptions { Plan = plan }).On(Tsffs, 7, call => calls.Add((call.Number, call.Argument(0))));

        _ = new HypercallFunction(fake, Tsffs, 7).Call(9);

        Assert.Equal([(7, 9), (7, 0)], calls);
    }

    [Fact]
    public void A_fault_at_the_edge_of_a_call_hits_the_page_that_its_first_argument_points_to()
    {
        FaultPlan plan = [new(FakeInjectionPoint.BeforeEntry(1), new FakeFault(FakeFaultKind.SwapOut))];
        bool found = true;
        FakeMachine fake = new FakeMachine(new FakeMachineOptions { Plan = plan })
            .On(HypercallConvention.Xen, 17, call => found = call.TryReadLinear(new GuestVirtualAddress(call.Rdi), out byte _));
        using GuestBuffer buffer = fake.Memory.Allocate(1, Residency.Touched);

        _ = new HypercallFunction(fake, HypercallConvention.Xen, 17).Call(buffer.Address.Value);

        Assert.False(found);
        Assert.Equal(FakeFaultOutcome.Occurred, Assert.Single(fake.FaultOccurrences).Outcome);
    }
}
