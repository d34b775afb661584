namespace Hypercall.Testing.Tests;

/// <summary>Each oracle speaks at its misdeed, and not at what nearly is one.</summary>
public sealed class FakeOracleTests
{
    private static readonly GuestBufferOptions Window = new() { Residency = Residency.Touched };

    private readonly FakeMachine _fake = new();

    private FakeGuestMemory Memory => _fake.Memory;

    [Fact]
    public void A_write_to_ROM_panics_the_VMM_and_a_read_does_not()
    {
        using GuestBuffer rom = Memory.MapRom(10);
        Assert.Equal(10, _fake.ReadVirtual(rom.Address, 10).Length);
        Spoken(
            FakeOracle.VmmPanic,
            () => _fake.WriteVirtual(rom.Address, [1]),
            "Call 2 (probe) wrote to GPA 0x10000000 (GVA 0x",
            "takes the whole machine down. Never hand over");
    }

    [Fact]
    public void A_write_to_ROM_panics_the_VMM_even_where_stray_accesses_are_allowed()
    {
        FakeMachine fake = new(new FakeMachineOptions { AllowStrayAccess = true });
        using GuestBuffer rom = fake.Memory.MapRom(10);
        _ = OracleAssert.Speaks(FakeOracle.VmmPanic, () => fake.WriteVirtual(rom.Address, [1]));
    }

    [Fact]
    public void A_write_before_a_window_is_outside_and_one_that_fills_it_is_not()
    {
        using GuestBuffer window = Memory.OpenWindow(new byte[100].AsMemory(50, 20), Window);
        Assert.Equal(20, _fake.WriteVirtual(window.Address, new byte[20]));
        Spoken(
            FakeOracle.WriteOutside,
            () => _fake.WriteVirtual(window.Address + -1, new byte[2]),
            "wrote 2 bytes at offset",
            "not all of them were handed over",
            "Check the length");
    }

    [Fact]
    public void A_write_behind_a_window_is_outside_and_one_that_two_windows_cover_together_is_not()
    {
        byte[] array = new byte[100];
        using GuestBuffer first = Memory.OpenWindow(array.AsMemory(0, 30), Window);
        using GuestBuffer second = Memory.OpenWindow(array.AsMemory(30, 30), Window);
        Assert.Equal(60, _fake.WriteVirtual(first.Address, new byte[60]));
        Spoken(FakeOracle.WriteOutside, () => _fake.WriteVirtual(first.Address, new byte[61]));
    }

    [Fact]
    public void A_write_into_another_buffer_than_the_one_that_is_marked_and_given_is_outside()
    {
        using GuestBuffer given = Memory.Allocate(10);
        using GuestBuffer other = Memory.Allocate(10);
        Spoken(FakeOracle.WriteOutside, () =>
        {
            using GuestBuffer.InFlight use = given.EnterCall();
            Write(other, new HypercallRegisters { Rbx = given.Address.Value });
        });
    }

    [Fact]
    public void A_write_into_a_buffer_is_not_outside_where_a_register_a_mark_or_a_lease_hands_it_over_or_the_program_marks_nothing()
    {
        using GuestBuffer marked = Memory.Allocate(10);
        using GuestBuffer other = Memory.Allocate(10);
        Write(other, new HypercallRegisters { Rbx = marked.Address.Value });
        using (marked.EnterCall())
        {
            Write(other, new HypercallRegisters { Rbx = other.Address.Value });
            Write(other, new HypercallRegisters { Rbx = marked.Address.Value, Rdi = other.Address.Value });
            Write(other, new HypercallRegisters { Rbx = marked.Address.Value, Rcx = new GuestFrameNumber(other.Frames()[0]).Address.Value });
            Write(other, default); // by a pointer that lies in memory, say, of a thread that marks nothing
            using GuestBufferLease lease = other.Lease("the VMM");
            Write(other, new HypercallRegisters { Rbx = marked.Address.Value });
        }

        Assert.Null(_fake.Failure);
    }

    [Theory]
    [InlineData(GeneralRegister.Rbx)]
    [InlineData(GeneralRegister.Rcx)]
    [InlineData(GeneralRegister.Rdx)]
    [InlineData(GeneralRegister.Rsi)]
    [InlineData(GeneralRegister.Rdi)]
    public void Any_argument_hands_a_buffer_over_and_shows_what_is_marked(GeneralRegister register)
    {
        using GuestBuffer marked = Memory.Allocate(10);
        using GuestBuffer other = Memory.Allocate(10);
        using GuestBuffer.InFlight use = marked.EnterCall();
        HypercallRegisters registers = default;
        registers[register == GeneralRegister.Rbx ? GeneralRegister.Rcx : GeneralRegister.Rbx] = marked.Address.Value;
        registers[register] = other.Address.Value;
        Write(other, registers);

        registers = default;
        registers[register] = marked.Address.Value;
        Spoken(FakeOracle.WriteOutside, () => Write(other, registers));
    }

    [Fact]
    public void A_frame_that_holds_a_page_table_is_foreign_to_a_write()
    {
        FakeMachine fake = new(new FakeMachineOptions { Seed = 3 });
        FakeMachineException foreign = OracleAssert.Speaks(
            FakeOracle.ForeignFrame,
            () => fake.WritePhysical(new GuestPhysicalAddress(0x9_0000_0000ul << 12), [1]));
        Assert.Contains("a page table of the guest's kernel. Nothing that a program hands over lies there", foreign.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_write_to_the_frame_of_a_page_that_moved_uses_a_stale_one_and_a_read_is_the_programs_to_detect()
    {
        using GuestBuffer buffer = Memory.Allocate(10, Residency.Touched);
        GuestPhysicalAddress old = new GuestFrameNumber(buffer.Frames()[0]).Address;
        Assert.Equal(1, _fake.WritePhysical(old, [1]));
        Memory.MigratePage(buffer, 0);
        Assert.Equal(8, _fake.ReadPhysical(old, 8).Length);
        Spoken(
            FakeOracle.StaleFrame,
            () => _fake.WritePhysical(old, [1]),
            "Page 0 of buffer 1 was in it",
            "translate after pinning, never before");
    }

    [Fact]
    public void A_frame_that_was_left_long_ago_is_still_stale()
    {
        using GuestBuffer buffer = Memory.Allocate(1, Residency.Touched);
        GuestPhysicalAddress old = new GuestFrameNumber(buffer.Frames()[0]).Address;
        for (int i = 0; i < 70_000; i++) // more than the machine keeps the history of
        {
            Memory.MigratePage(buffer, 0);
        }

        Assert.Equal(1, _fake.WritePhysical(new GuestFrameNumber(buffer.Frames()[0]).Address, [1]));
        Assert.Equal(8, _fake.ReadPhysical(old, 8).Length);
        Spoken(FakeOracle.StaleFrame, () => _fake.WritePhysical(old, [1]));
    }

    [Fact]
    public void The_address_of_a_freed_buffer_is_stale_and_the_page_behind_a_buffer_is_only_absent()
    {
        using GuestBuffer kept = Memory.Allocate(10);
        GuestBuffer freed = Memory.Allocate(10);
        freed.Dispose();
        Assert.Empty(_fake.ReadVirtual(kept.Address + GuestPage.Size, 1));
        Spoken(
            FakeOracle.StaleFrame,
            () => _fake.ReadVirtual(freed.Address, 1),
            "of a buffer that was freed",
            "GuestBufferLease");
    }

    [Fact]
    public void Addresses_that_alignment_left_out_were_nobodys_and_are_only_absent()
    {
        using GuestBuffer small = Memory.Allocate(10);
        using GuestBuffer large = Memory.Allocate(600 * GuestPage.Size); // begins at a multiple of 2 MiB
        Assert.Equal(0ul, large.Address.Value % (2 << 20));
        Assert.Empty(_fake.ReadVirtual(small.Address + (3 * GuestPage.Size), 1));
    }

    [Fact]
    public void The_frame_behind_a_scattered_page_is_foreign_and_a_hole_is_only_no_memory()
    {
        using GuestBuffer buffer = Memory.Allocate(10);
        Assert.Empty(_fake.ReadPhysical(new GuestPhysicalAddress(0x1000), 1));
        Spoken(
            FakeOracle.ForeignFrame,
            () => _fake.ReadPhysical(new GuestFrameNumber(buffer.Frames()[0] + 1).Address, 1),
            "read from frame 0x",
            "memory of somebody else. Neighbouring pages",
            "Contiguity.Contiguous");
    }

    [Fact]
    public void A_write_to_the_zero_page_is_foreign_and_a_read_is_not()
    {
        using GuestBuffer buffer = Memory.AllocateUntouched(10);
        Memory.Load(buffer, 0);
        GuestPhysicalAddress zero = new GuestFrameNumber(buffer.Frames()[0]).Address;
        Assert.Equal(new byte[8], _fake.ReadPhysical(zero, 8));
        Spoken(
            FakeOracle.ForeignFrame,
            () => _fake.WritePhysical(zero, [1]),
            "wrote to frame",
            "the page of zeroes that all processes share. A page that was only read",
            "GuestBuffer.Touch");
    }

    [Fact]
    public void A_write_to_a_frame_that_a_child_shares_is_foreign_until_the_page_has_its_own()
    {
        using GuestBuffer buffer = Memory.Allocate(10, Residency.Touched);
        Memory.WriteProtect(buffer, 0);
        Memory.MigratePage(buffer, 0);
        Assert.Equal(0, _fake.WriteVirtual(buffer.Address, [1]));
        GuestPhysicalAddress shared = new GuestFrameNumber(buffer.Frames()[0]).Address;
        buffer.Touch();
        Assert.Equal(1, _fake.WritePhysical(new GuestFrameNumber(buffer.Frames()[0]).Address, [1]));

        Memory.WriteProtect(buffer, 0);
        shared = new GuestFrameNumber(buffer.Frames()[0]).Address;
        Spoken(
            FakeOracle.ForeignFrame,
            () => _fake.WritePhysical(shared, [1]),
            "page 0 of buffer 1, shared with a child (copy-on-write). A fork has made",
            "Residency.Pinned");
    }

    [Fact]
    public void The_last_step_of_the_budget_is_no_hang_and_the_next_one_is()
    {
        FakeMachine fake = new(new FakeMachineOptions { StepBudget = 10 });
        GuestBuffer buffer = fake.Memory.Allocate(1); // step 1
        for (int step = 2; step <= 10; step++)
        {
            buffer.Touch();
        }

        Assert.Null(fake.Failure);
        _ = OracleAssert.Speaks(FakeOracle.Hang, buffer.Touch);
        buffer.Dispose();
    }

    [Fact]
    public void Freeing_memory_at_the_end_of_the_budget_hides_no_other_failure()
    {
        FakeMachine fake = new(new FakeMachineOptions { StepBudget = 1 });
        _ = Assert.Throws<TimeoutException>(Program);
        Assert.Equal(0, fake.Memory.LockedBytes);

        void Program()
        {
            using GuestBuffer buffer = fake.Memory.Allocate(1);
            throw new TimeoutException("of the program");
        }
    }

    [Fact]
    public void What_an_oracle_saw_comes_again_at_every_use_and_memory_can_still_be_freed()
    {
        GuestBuffer buffer = Memory.Allocate(10);
        FakeMachineException lost = OracleAssert.Speaks(FakeOracle.DataLost, () => _fake.ReportDataLost("Byte 3 is gone."));
        HypercallRegisters registers = new() { Rax = 4 };

        Assert.Equal(FakeOracle.DataLost, lost.Oracle);
        Assert.Same(lost, _fake.Failure);
        Assert.Same(lost, Assert.ThrowsAny<Exception>(() => _fake.Channel.TryInvoke(ref registers)));
        Assert.Same(lost, Assert.ThrowsAny<Exception>(() => Memory.Allocate(1)));
        Assert.Same(lost, Assert.ThrowsAny<Exception>(buffer.Touch));
        Assert.Same(lost, Assert.ThrowsAny<Exception>(() => buffer.TryQueryPages(out _, out _)));
        buffer.Dispose();
        Assert.True(buffer.IsDisposed);
        Assert.Equal(0, Memory.LockedBytes);
    }

    [Fact]
    public void Where_stray_accesses_are_allowed_reads_find_what_others_have_and_writes_are_lost()
    {
        FakeMachine fake = new(new FakeMachineOptions { AllowStrayAccess = true });
        using GuestBuffer buffer = fake.Memory.Allocate(10, Residency.Touched);
        ulong old = buffer.Frames()[0];
        fake.Memory.MigratePage(buffer, 0);
        foreach (ulong frame in new[] { old, old + 1, buffer.Frames()[0] + 1 })
        {
            byte[] before = fake.ReadPhysical(new GuestFrameNumber(frame).Address, 8);
            Assert.Equal(8, fake.WritePhysical(new GuestFrameNumber(frame).Address, new byte[8]));
            Assert.Equal(before, fake.ReadPhysical(new GuestFrameNumber(frame).Address, 8));
        }

        Assert.Null(fake.Failure);
    }

    private void Write(GuestBuffer buffer, HypercallRegisters registers)
    {
        _ = _fake.On("write", call => call.Rax = call.TryWriteVirtual(buffer.Address, [1], out _) ? 1ul : 0);
        registers.Rax = 4;
        _fake.Channel.Invoke(ref registers);
        Assert.Equal(1ul, registers.Rax);
    }

    private void Spoken(FakeOracle oracle, Action misdeed, params string[] words)
    {
        Assert.Null(_fake.Failure);
        FakeMachineException thrown = OracleAssert.Speaks(oracle, misdeed);
        Assert.Same(thrown, _fake.Failure);
        Assert.All(words, word => Assert.Contains(word, thrown.Message, StringComparison.Ordinal));
    }
}
