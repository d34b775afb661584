namespace Hypercall.Testing.Tests;

/// <summary>What a planned fault does to the machine, beyond being counted.</summary>
public sealed class FakeMisfortuneTests
{
    private const int SecondTouch = 3; // the guest's steps: allocate, touch, touch; a question for the frames is one, too

    [Fact]
    public void Scattering_moves_every_page_of_a_buffer_and_leaves_it_writable()
    {
        FakeVmm fake = At(SecondTouch + 1, new FakeFault(FakeFaultKind.Scatter, FakeTarget.Of(1, 0)));
        using GuestBuffer buffer = Allocate(fake, 2);
        ulong[] before = buffer.Frames();
        buffer.Touch();
        Assert.Equal(FakeStrikeOutcome.Struck, Assert.Single(fake.Strikes).Outcome);
        Assert.Empty(before.Intersect(buffer.Frames()));
        Assert.Equal(2 * GuestPage.Size, fake.WriteVirtual(buffer.Address, new byte[2 * GuestPage.Size]));
    }

    [Fact]
    public void Scattering_pages_that_are_all_out_misses_them()
    {
        FakeVmm fake = At(SecondTouch, new FakeFault(FakeFaultKind.Scatter, FakeTarget.Of(1, 0)));
        using GuestBuffer buffer = Allocate(fake, 2);
        fake.Memory.SwapOut(buffer, 0);
        fake.Memory.SwapOut(buffer, 1);
        buffer.Touch();
        Assert.Equal(FakeStrikeOutcome.Missed, Assert.Single(fake.Strikes).Outcome);
    }

    [Fact]
    public void A_page_that_migrates_is_absent_for_as_many_walks_as_planned()
    {
        FakeVmm fake = At(2, new FakeFault(FakeFaultKind.Migrate, FakeTarget.Of(1, 0), Value: 2));
        using GuestBuffer buffer = fake.Memory.Allocate(1, Residency.Touched);
        buffer.Touch();
        Assert.Empty(fake.ReadVirtual(buffer.Address, 1));
        Assert.Empty(fake.ReadVirtual(buffer.Address, 1));
        Assert.Equal(new byte[1], fake.ReadVirtual(buffer.Address, 1));
    }

    [Fact]
    public void A_page_that_is_out_already_is_missed()
    {
        FakeVmm fake = At(SecondTouch, new FakeFault(FakeFaultKind.SwapOut, FakeTarget.Of(1, 0)));
        using GuestBuffer buffer = Allocate(fake, 1);
        fake.Memory.SwapOut(buffer, 0);
        buffer.Touch();
        FakeStrike strike = Assert.Single(fake.Strikes);
        Assert.Equal(FakeStrikeOutcome.Missed, strike.Outcome);
        Assert.Contains("so already", strike.Rule, StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_of_a_window_is_counted_from_the_start_of_the_window()
    {
        byte[] array = new byte[4 * GuestPage.Size];
        FakeVmm fake = At(SecondTouch, new FakeFault(FakeFaultKind.SwapOut, FakeTarget.Of(2, 1)));
        GuestBufferOptions touched = new() { Residency = Residency.Touched };
        using GuestBuffer whole = fake.Memory.OpenWindow(array, touched);
        using GuestBuffer window = fake.Memory.OpenWindow(array.AsMemory(GuestPage.Size, 2 * GuestPage.Size), touched);
        GuestPageState[] states = whole.States(); // step 3
        Assert.Equal(FakeStrikeOutcome.Struck, Assert.Single(fake.Strikes).Outcome);
        int swapped = states.Index().Single(state => state.Item == GuestPageState.Swapped).Index;
        Assert.Equal((window.Address.Value >> GuestPage.Shift) + 1, (whole.Address.Value >> GuestPage.Shift) + (ulong)swapped);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_frame_after_the_one_at_hand_becomes_ROM(bool atHand)
    {
        FakeFault fault = new(FakeFaultKind.MakeRom, atHand ? FakeTarget.AtHand : FakeTarget.Of(1, 0));
        FakeVmm fake = new(new FakeVmmOptions { Plan = [new(FakeMoment.BeforePage(1, 1), fault)], AllowStrayAccess = true, Record = true });
        using GuestBuffer buffer = fake.Memory.Allocate(1, Residency.Pinned);
        using GuestBuffer other = fake.Memory.Allocate(1, Residency.Pinned);
        GuestPhysicalAddress given = new GuestFrameNumber((atHand ? buffer : other).Frames()[0]).Address;
        _ = fake.ReadPhysical(given, 1);
        Assert.Equal(FakeStrikeOutcome.Struck, Assert.Single(fake.Strikes).Outcome);
        ulong rom = buffer.Frames()[0] + 1;
        Assert.Contains($"*  {Line(fake, "as ROM").Step,4}  VMM     fakes frame 0x{rom:x} as ROM", fake.Story.ToString(), StringComparison.Ordinal);
        _ = Assert.Throws<VmmPanicException>(() => fake.WritePhysical(new GuestFrameNumber(rom).Address, [1]));
    }

    [Fact]
    public void The_frame_after_that_of_the_page_at_hand_becomes_ROM()
    {
        FakeVmm fake = new(new FakeVmmOptions { Plan = [new(FakeMoment.BeforeWalk(1, 1), new FakeFault(FakeFaultKind.MakeRom))] });
        using GuestBuffer buffer = fake.Memory.Allocate(1, Residency.Pinned);
        _ = fake.ReadVirtual(buffer.Address, 1);
        _ = Assert.Throws<VmmPanicException>(() => fake.WritePhysical(new GuestFrameNumber(buffer.Frames()[0] + 1).Address, [1]));
    }

    [Fact]
    public void A_fault_may_strike_when_memory_is_freed()
    {
        FakeVmm fake = At(2, new FakeFault(FakeFaultKind.NoPinning));
        fake.Memory.Allocate(1).Dispose();
        Assert.Equal((FakeStrikeOutcome.Struck, false), (Assert.Single(fake.Strikes).Outcome, fake.Memory.CanPin));
    }

    [Fact]
    public void A_frame_whose_neighbour_is_in_use_gets_no_ROM_behind_it()
    {
        FakeVmm fake = At(SecondTouch, new FakeFault(FakeFaultKind.MakeRom, FakeTarget.Of(1, 0)));
        using GuestBuffer buffer = fake.Memory.AllocateKernelMemory(2 * GuestPage.Size);
        buffer.Touch();
        buffer.Touch();
        FakeStrike strike = Assert.Single(fake.Strikes);
        Assert.Equal(FakeStrikeOutcome.Forbidden, strike.Outcome);
        Assert.Contains("takes nothing that the guest uses", strike.Rule, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(FakeFaultKind.Clobber, "VMM     is going to leave something else in the registers")]
    [InlineData(FakeFaultKind.LoseName, "VMM     forgets the name for this once")]
    [InlineData(FakeFaultKind.Refuse, "VMM     refuses the call, and touches no register")]
    [InlineData(FakeFaultKind.RefuseForeign, "VMM     is another one, which answers in its own ABI")]
    [InlineData(FakeFaultKind.GeneralProtection, "VMM     makes the CPU raise GeneralProtection on the instruction")]
    [InlineData(FakeFaultKind.SecondCpu, "guest   a second virtual CPU calls the same function, with all arguments 0")]
    public void What_happens_to_a_call_is_told(FakeFaultKind kind, string text)
    {
        FakeVmm fake = new(new FakeVmmOptions { Plan = [new(FakeMoment.BeforeEntry(1), new FakeFault(kind))], Record = true });
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
        FakeVmm fake = new(new FakeVmmOptions { Plan = [new(FakeMoment.GuestStep(1), fault), new(FakeMoment.GuestStep(2), fault)], Record = true });
        using GuestBuffer buffer = fake.Memory.Allocate(1, Residency.Touched);
        buffer.Touch();
        Assert.Equal(FakeActor.Kernel, Line(fake, text).Actor);
        Assert.Equal([FakeStrikeOutcome.Struck, FakeStrikeOutcome.Missed], fake.Strikes.Select(strike => strike.Outcome));
        Assert.Contains("so already", fake.Strikes[1].Rule, StringComparison.Ordinal);
        Assert.Contains($"{fault}: not done. It is so already.", Line(fake, "not done").Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_call_that_the_VMM_has_ended_is_not_ended_again()
    {
        FakeVmm fake = new(new FakeVmmOptions
        {
            Plan = [new(FakeMoment.BeforeEntry(1), new FakeFault(FakeFaultKind.Refuse)), new(FakeMoment.BeforeReturn(1), new FakeFault(FakeFaultKind.InvalidOpcode))],
        });
        HypercallRegisters registers = default;
        Assert.True(fake.Channel.TryInvoke(ref registers).IsCompleted);
        Assert.Contains("ended the call already", fake.Strikes[1].Rule, StringComparison.Ordinal);
    }

    [Fact]
    public void A_strike_names_its_call_even_if_another_one_has_begun_meanwhile()
    {
        FakeVmm fake = new(new FakeVmmOptions { Plan = [new(FakeMoment.BeforeReturn(1), new FakeFault(FakeFaultKind.Refuse))] });
        fake.Inside(_ =>
        {
            HypercallRegisters registers = default;
            fake.Channel.Invoke(ref registers); // call 2, while call 1 is on its way
        });
        Assert.Equal(1, Assert.Single(fake.Strikes).Call);
    }

    private static FakeVmm At(int step, FakeFault fault) => new(new FakeVmmOptions { Plan = [new(FakeMoment.GuestStep(step), fault)] });

    private static GuestBuffer Allocate(FakeVmm fake, int pages)
    {
        GuestBuffer buffer = fake.Memory.Allocate(pages * (long)GuestPage.Size, Residency.Touched);
        buffer.Touch();
        return buffer;
    }

    private static FakeStoryLine Line(FakeVmm fake, string text) => Assert.Single(fake.Story.Lines, line => line.Text.Contains(text, StringComparison.Ordinal));
}
