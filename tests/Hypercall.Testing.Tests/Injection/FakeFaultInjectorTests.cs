namespace Hypercall.Testing.Tests;

/// <summary>What a planned fault does to the machine, beyond being counted.</summary>
public sealed class FakeFaultInjectorTests
{
    private const int SecondTouch = 3; // the guest's steps: allocate, touch, touch; a question for the frames is one, too

    [Fact]
    public void Scattering_moves_every_page_of_a_buffer_and_leaves_it_writable()
    {
        FakeMachine fake = At(SecondTouch + 1, new FakeFault(FakeFaultKind.Scatter, FakeTarget.Of(1, 0)));
        using GuestBuffer buffer = Allocate(fake, 2);
        ulong[] before = buffer.Frames();
        buffer.Touch();
        Assert.Equal(FakeFaultOutcome.Occurred, Assert.Single(fake.FaultOccurrences).Outcome);
        Assert.Empty(before.Intersect(buffer.Frames()));
        Assert.Equal(2 * GuestPage.Size, fake.WriteVirtual(buffer.Address, new byte[2 * GuestPage.Size]));
    }

    [Fact]
    public void Scattering_pages_that_are_all_out_misses_them()
    {
        FakeMachine fake = At(SecondTouch, new FakeFault(FakeFaultKind.Scatter, FakeTarget.Of(1, 0)));
        using GuestBuffer buffer = Allocate(fake, 2);
        fake.Memory.SwapOut(buffer, 0);
        fake.Memory.SwapOut(buffer, 1);
        buffer.Touch();
        Assert.Equal(FakeFaultOutcome.Missed, Assert.Single(fake.FaultOccurrences).Outcome);
    }

    [Fact]
    public void A_page_that_migrates_is_absent_for_as_many_walks_as_planned()
    {
        FakeMachine fake = At(2, new FakeFault(FakeFaultKind.PageMigration, FakeTarget.Of(1, 0), Value: 2));
        using GuestBuffer buffer = fake.Memory.Allocate(1, Residency.Touched);
        buffer.Touch();
        Assert.Empty(fake.ReadVirtual(buffer.Address, 1));
        Assert.Empty(fake.ReadVirtual(buffer.Address, 1));
        Assert.Equal(new byte[1], fake.ReadVirtual(buffer.Address, 1));
    }

    [Fact]
    public void A_page_that_is_out_already_is_missed()
    {
        FakeMachine fake = At(SecondTouch, new FakeFault(FakeFaultKind.SwapOut, FakeTarget.Of(1, 0)));
        using GuestBuffer buffer = Allocate(fake, 1);
        fake.Memory.SwapOut(buffer, 0);
        buffer.Touch();
        FakeFaultOccurrence occurrence = Assert.Single(fake.FaultOccurrences);
        Assert.Equal(FakeFaultOutcome.Missed, occurrence.Outcome);
        Assert.Contains("so already", occurrence.Rule, StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_of_a_window_is_counted_from_the_start_of_the_window()
    {
        byte[] array = new byte[4 * GuestPage.Size];
        FakeMachine fake = At(SecondTouch, new FakeFault(FakeFaultKind.SwapOut, FakeTarget.Of(2, 1)));
        GuestBufferOptions touched = new() { Residency = Residency.Touched };
        using GuestBuffer whole = fake.Memory.OpenWindow(array, touched);
        using GuestBuffer window = fake.Memory.OpenWindow(array.AsMemory(GuestPage.Size, 2 * GuestPage.Size), touched);
        GuestPageState[] states = whole.States(); // step 3
        Assert.Equal(FakeFaultOutcome.Occurred, Assert.Single(fake.FaultOccurrences).Outcome);
        int swapped = states.Index().Single(state => state.Item == GuestPageState.Swapped).Index;
        Assert.Equal((window.Address.Value >> GuestPage.Shift) + 1, (whole.Address.Value >> GuestPage.Shift) + (ulong)swapped);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_frame_after_the_one_at_hand_becomes_ROM(bool accessed)
    {
        FakeFault fault = new(FakeFaultKind.MakeRom, accessed ? FakeTarget.Accessed : FakeTarget.Of(1, 0));
        FakeMachine fake = new(new FakeMachineOptions { Plan = [new(FakeInjectionPoint.BeforePage(1, 1), fault)], AllowStrayAccess = true, Record = true });
        using GuestBuffer buffer = fake.Memory.Allocate(1, Residency.Pinned);
        using GuestBuffer other = fake.Memory.Allocate(1, Residency.Pinned);
        GuestPhysicalAddress given = new GuestFrameNumber((accessed ? buffer : other).Frames()[0]).Address;
        _ = fake.ReadPhysical(given, 1);
        Assert.Equal(FakeFaultOutcome.Occurred, Assert.Single(fake.FaultOccurrences).Outcome);
        ulong rom = buffer.Frames()[0] + 1;
        Assert.Contains($"*  {Line(fake, "as ROM").Step,4}  VMM     fakes frame 0x{rom:x} as ROM", fake.Trace.ToString(), StringComparison.Ordinal);
        _ = OracleAssert.Speaks(FakeOracle.VmmPanic, () => fake.WritePhysical(new GuestFrameNumber(rom).Address, [1]));
    }

    [Fact]
    public void The_frame_after_that_of_the_page_at_hand_becomes_ROM()
    {
        FakeMachine fake = new(new FakeMachineOptions { Plan = [new(FakeInjectionPoint.BeforeWalk(1, 1), new FakeFault(FakeFaultKind.MakeRom))] });
        using GuestBuffer buffer = fake.Memory.Allocate(1, Residency.Pinned);
        _ = fake.ReadVirtual(buffer.Address, 1);
        _ = OracleAssert.Speaks(
            FakeOracle.VmmPanic,
            () => fake.WritePhysical(new GuestFrameNumber(buffer.Frames()[0] + 1).Address, [1]));
    }

    [Fact]
    public void A_fault_may_occur_when_memory_is_freed()
    {
        FakeMachine fake = At(2, new FakeFault(FakeFaultKind.NoPinning));
        fake.Memory.Allocate(1).Dispose();
        Assert.Equal((FakeFaultOutcome.Occurred, false), (Assert.Single(fake.FaultOccurrences).Outcome, fake.Memory.CanPin));
    }

    [Fact]
    public void A_frame_whose_neighbour_is_in_use_gets_no_ROM_behind_it()
    {
        FakeMachine fake = At(SecondTouch, new FakeFault(FakeFaultKind.MakeRom, FakeTarget.Of(1, 0)));
        using GuestBuffer buffer = fake.Memory.AllocateKernelMemory(2 * GuestPage.Size);
        buffer.Touch();
        buffer.Touch();
        FakeFaultOccurrence occurrence = Assert.Single(fake.FaultOccurrences);
        Assert.Equal(FakeFaultOutcome.Forbidden, occurrence.Outcome);
        Assert.Contains("takes nothing that the guest uses", occurrence.Rule, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(FakeFaultKind.Clobber, "VMM     is going to leave something else in the registers")]
    [InlineData(FakeFaultKind.LoseName, "VMM     forgets the name for this once")]
    [InlineData(FakeFaultKind.Refuse, "VMM     refuses the call")]
    [InlineData(FakeFaultKind.RefuseForeign, "VMM     is another one, which answers in its own ABI")]
    [InlineData(FakeFaultKind.GeneralProtection, "VMM     makes the CPU raise GeneralProtection on the instruction")]
    [InlineData(FakeFaultKind.SecondCpu, "guest   a second virtual CPU calls the same function, with all arguments 0")]
    public void What_happens_to_a_call_is_told(FakeFaultKind kind, string text)
    {
        FakeMachine fake = new(new FakeMachineOptions { Plan = [new(FakeInjectionPoint.BeforeEntry(1), new FakeFault(kind))], Record = true });
        HypercallRegisters registers = default; // a look-up
        _ = fake.Channel.TryInvoke(ref registers);
        Assert.Contains($"  {text}", Line(fake, text[8..]).ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(FakeFaultKind.LockLimit, "limits locked memory to 4096 bytes")]
    [InlineData(FakeFaultKind.NoPinning, "does not let pages be pinned any more")]
    [InlineData(FakeFaultKind.NoHugePages, "has no contiguous memory any more")]
    [InlineData(FakeFaultKind.NoPrivilege, "hides frame numbers from now on")]
    public void What_the_kernel_takes_away_is_told_once_and_missed_when_it_is_gone_already(FakeFaultKind kind, string text)
    {
        FakeFault fault = new(kind, Value: kind == FakeFaultKind.LockLimit ? 4096u : 0);
        FakeMachine fake = new(new FakeMachineOptions { Plan = [new(FakeInjectionPoint.GuestStep(1), fault), new(FakeInjectionPoint.GuestStep(2), fault)], Record = true });
        using GuestBuffer buffer = fake.Memory.Allocate(1, Residency.Touched);
        buffer.Touch();
        Assert.Equal(FakeActor.Kernel, Line(fake, text).Actor);
        Assert.Equal([FakeFaultOutcome.Occurred, FakeFaultOutcome.Missed], fake.FaultOccurrences.Select(occurrence => occurrence.Outcome));
        Assert.Contains("so already", fake.FaultOccurrences[1].Rule, StringComparison.Ordinal);
        Assert.Contains($"{fault}: not done. It is so already.", Line(fake, "not done").Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_call_that_the_VMM_has_ended_is_not_ended_again()
    {
        FakeMachine fake = new(new FakeMachineOptions
        {
            Plan = [new(FakeInjectionPoint.BeforeEntry(1), new FakeFault(FakeFaultKind.Refuse)), new(FakeInjectionPoint.BeforeReturn(1), new FakeFault(FakeFaultKind.InvalidOpcode))],
        });
        HypercallRegisters registers = default;
        Assert.True(fake.Channel.TryInvoke(ref registers).IsCompleted);
        Assert.Contains("ended the call already", fake.FaultOccurrences[1].Rule, StringComparison.Ordinal);
    }

    [Fact]
    public void An_occurrence_names_its_call_even_if_another_one_has_begun_meanwhile()
    {
        FakeMachine fake = new(new FakeMachineOptions { Plan = [new(FakeInjectionPoint.BeforeReturn(1), new FakeFault(FakeFaultKind.Refuse))] });
        fake.Inside(_ =>
        {
            HypercallRegisters registers = default;
            fake.Channel.Invoke(ref registers); // call 2, while call 1 is on its way
        });
        Assert.Equal(1, Assert.Single(fake.FaultOccurrences).Call);
    }

    private static FakeMachine At(int step, FakeFault fault) => new(new FakeMachineOptions { Plan = [new(FakeInjectionPoint.GuestStep(step), fault)] });

    private static GuestBuffer Allocate(FakeMachine fake, int pages)
    {
        GuestBuffer buffer = fake.Memory.Allocate(pages * (long)GuestPage.Size, Residency.Touched);
        buffer.Touch();
        return buffer;
    }

    private static FakeTraceLine Line(FakeMachine fake, string text) => Assert.Single(fake.Trace.Lines, line => line.Text.Contains(text, StringComparison.Ordinal));
}
