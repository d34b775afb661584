namespace Hypercall.Testing.Tests;

public sealed class FakeStoryTests
{
    private static readonly PlannedFault Planned = new(FakeMoment.GuestStep(1), new FakeFault(FakeFaultKind.SwapOut));

    [Fact]
    public void A_star_marks_a_planned_fault_and_an_arrow_the_guilty_step()
    {
        Assert.Equal("       7  guest   says", new FakeStoryLine(7, FakeActor.Guest, "says").ToString());
        Assert.Equal(" *     7  kernel  says", new FakeStoryLine(7, FakeActor.Kernel, "says", Planned).ToString());
        Assert.Equal("==>    7  VMM     says", new FakeStoryLine(7, FakeActor.Vmm, "says", Planned, IsGuilty: true).ToString());
    }

    [Fact]
    public void An_oracle_tells_the_story_where_one_was_recorded()
    {
        FakeVmm fake = new(new FakeVmmOptions { Record = true });
        DataLostException lost = Assert.Throws<DataLostException>(() => fake.ReportDataLost("Byte 3 is gone."));
        Assert.StartsWith($"Byte 3 is gone.{Environment.NewLine}{Environment.NewLine}==>    1  guest   reports success", lost.Message, StringComparison.Ordinal);
        Assert.Equal(lost.Story!.ToString(), fake.Story.ToString());
    }

    [Fact]
    public void An_oracle_without_a_recorded_story_says_what_happened_and_no_more()
    {
        DataLostException lost = Assert.Throws<DataLostException>(() => new FakeVmm().ReportDataLost("Byte 3 is gone."));
        Assert.Equal("Byte 3 is gone.", lost.Message);
        Assert.Null(lost.Story);
    }

    [Fact]
    public void A_program_that_tries_for_ever_is_told_the_budget_and_what_to_do()
    {
        FakeVmm fake = new(new FakeVmmOptions { StepBudget = 1, Record = true });
        using GuestBuffer buffer = fake.Memory.Allocate(1);
        MachineHangException hang = Assert.Throws<MachineHangException>(buffer.Touch);
        Assert.Contains("has made 1 steps", hang.Message, StringComparison.Ordinal);
        Assert.Contains("Bound the number of attempts", hang.Message, StringComparison.Ordinal);
        Assert.Equal("takes step 2", hang.Story!.Lines[^1].Text);
        Assert.Same(hang, Assert.Throws<MachineHangException>(buffer.Touch));
    }

    [Fact]
    public void An_instruction_that_runs_again_for_ever_takes_the_budget()
    {
        FakeVmm fake = new(new FakeVmmOptions { StepBudget = 100 });
        using GuestBuffer buffer = fake.Memory.Allocate(1, Residency.Touched);
        int runs = 0;
        _ = Assert.Throws<MachineHangException>(() => fake.Inside(call =>
        {
            Assert.InRange(++runs, 1, 1000);
            fake.Memory.SwapOut(buffer, 0); // so that there is something to bring in, each time
            call.InjectPageFault(buffer.Address, isWrite: true);
        }));
    }
}
