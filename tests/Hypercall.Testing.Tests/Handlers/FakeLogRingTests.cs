using System.Buffers.Binary;
using Hypercall.BitVisor;

namespace Hypercall.Testing.Tests.Handlers;

/// <summary>A ring that the VMM keeps, and writes its log into.</summary>
public class FakeLogRingTests
{
    private const int Size = 64;

    [Fact]
    public void A_program_cannot_set_it()
    {
        FakeLogRing ring = new();
        Assert.True(Set(new FakeMachine(), ring, 0x1000, Size).NumberCameBack);

        Assert.False(ring.IsSet);
        ring.Write("lost");
    }

    [Fact]
    public void It_says_nothing_when_it_is_set_and_the_VMM_writes_on_after_the_call()
    {
        FakeMachine vmm = new();
        FakeLogRing ring = new() { AnyCpl = true };
        using GuestBuffer memory = vmm.Memory.Allocate(Size, Residency.Pinned);

        HypercallResult answer = Set(vmm, ring, Physical(memory), Size);
        Assert.True(answer.NumberCameBack);
        Assert.True(ring.IsSet);
        ring.Write("one ");
        ring.Write("two");

        Assert.Equal(7u, Unread(memory));
        Assert.Equal("one two"u8.ToArray(), memory.Span[4..11].ToArray());
    }

    [Fact]
    public void A_fault_planned_for_the_call_misses_when_the_call_is_over()
    {
        FakeMachine vmm = new(new FakeMachineOptions { Plan = [new(FakeInjectionPoint.BeforePage(2, 1), new FakeFault(FakeFaultKind.Refuse))] });
        FakeLogRing ring = new() { AnyCpl = true };
        using GuestBuffer memory = vmm.Memory.Allocate(Size, Residency.Pinned);
        _ = Set(vmm, ring, Physical(memory), Size);

        ring.Write("one");

        Assert.Equal("one"u8.ToArray(), memory.Span[4..7].ToArray());
        Assert.Equal(FakeFaultOutcome.Missed, Assert.Single(vmm.FaultOccurrences).Outcome);
    }

    [Fact]
    public void At_its_end_it_begins_behind_the_count_again()
    {
        FakeMachine vmm = new();
        FakeLogRing ring = new() { AnyCpl = true };
        using GuestBuffer memory = vmm.Memory.Allocate(4096, Residency.Pinned);
        _ = Set(vmm, ring, Physical(memory), 4 + 5);

        ring.Write("abcdefgh");

        Assert.Equal(8u, Unread(memory));
        Assert.Equal("fghde\0"u8.ToArray(), memory.Span[4..10].ToArray());
        ring.Write("ij"); // ends at the end
        ring.Write("k");
        Assert.Equal("kghij\0"u8.ToArray(), memory.Span[4..10].ToArray());
    }

    [Fact]
    public void The_guest_takes_off_the_count_what_it_has_read()
    {
        FakeMachine vmm = new();
        FakeLogRing ring = new() { AnyCpl = true };
        using GuestBuffer memory = vmm.Memory.Allocate(Size, Residency.Pinned);
        _ = Set(vmm, ring, Physical(memory), Size);
        ring.Write("abcd");

        BinaryPrimitives.WriteUInt32LittleEndian(memory.Span, 1);
        ring.Write("ef");

        Assert.Equal(3u, Unread(memory));
    }

    [Fact]
    public void Set_again_it_begins_anew_and_set_to_nothing_it_writes_nowhere()
    {
        FakeMachine vmm = new();
        FakeLogRing ring = new() { AnyCpl = true };
        using GuestBuffer memory = vmm.Memory.Allocate(Size, Residency.Pinned);
        _ = Set(vmm, ring, Physical(memory), Size);
        ring.Write("abcd");
        _ = Set(vmm, ring, Physical(memory), Size);
        ring.Write("x");
        Assert.Equal("xbcd"u8.ToArray(), memory.Span[4..8].ToArray());

        _ = Set(vmm, ring, 0, 0);
        ring.Write("y");
        Assert.False(ring.IsSet);
        Assert.Equal("xbcd"u8.ToArray(), memory.Span[4..8].ToArray());
    }

    [Theory]
    [InlineData(0x1000, 4)]              // no room for a byte behind the count
    [InlineData(0x1000, 0)]
    [InlineData(0xA000_0000_0000, 4096)] // nothing is there
    [InlineData(0x1000, -1)]
    public void A_ring_that_cannot_be_takes_the_old_one_away(long address, long size)
    {
        FakeMachine vmm = new();
        FakeLogRing ring = new() { AnyCpl = true };
        using GuestBuffer memory = vmm.Memory.Allocate(Size, Residency.Pinned);
        _ = Set(vmm, ring, Physical(memory), Size);

        ulong at = address == 0x1000 ? Physical(memory) : (ulong)address;
        Assert.True(Set(vmm, ring, at, (ulong)size).NumberCameBack);

        Assert.False(ring.IsSet);
    }

    [Fact]
    public void The_guests_kernel_may_set_it_and_a_program_on_the_same_machine_cannot_take_it_away()
    {
        FakeMachine vmm = new();
        FakeLogRing ring = new();
        _ = vmm.On("log_set_buf", ring.Answer);
        using GuestBuffer memory = vmm.Memory.Allocate(Size, Residency.Pinned);
        HypercallRegisters registers = new() { Rax = new BitVisorClient(vmm).GetFunction("log_set_buf").Number, Rbx = Physical(memory), Rcx = Size };

        vmm.OpenKernelChannel().Invoke(ref registers);
        _ = Set(vmm, ring, 0, 0);
        ring.Write("from the kernel's ring");

        Assert.True(ring.IsSet);
        Assert.Equal(22u, Unread(memory));
    }

    [Fact]
    public void A_ring_that_is_only_locked_moves_under_the_VMM_which_then_writes_into_memory_of_somebody_else()
    {
        FakeMachine vmm = new();
        FakeLogRing ring = new() { AnyCpl = true };
        using GuestBuffer memory = vmm.Memory.Allocate(Size, Residency.Locked);
        _ = Set(vmm, ring, Physical(memory), Size);
        ring.Write("fine");

        vmm.Memory.MigratePage(memory, 0);

        _ = OracleAssert.Speaks(FakeOracle.StaleFrame, () => ring.Write("lost"));
    }

    [Fact]
    public void A_ring_that_was_freed_is_somebody_elses()
    {
        FakeMachine vmm = new();
        FakeLogRing ring = new() { AnyCpl = true };
        using (GuestBuffer memory = vmm.Memory.Allocate(Size, Residency.Pinned))
        {
            _ = Set(vmm, ring, Physical(memory), Size);
        }

        _ = OracleAssert.Speaks(FakeOracle.StaleFrame, () => ring.Write("lost"));
    }

    [Fact]
    public void The_VMMs_own_memory_for_a_ring_makes_it_panic()
    {
        FakeMachine vmm = new();
        FakeLogRing ring = new() { AnyCpl = true };
        _ = Set(vmm, ring, vmm.Options.Rom[0].Start.Value, Size);

        _ = OracleAssert.Speaks(FakeOracle.VmmPanic, () => ring.Write("down"));
    }

    private static HypercallResult Set(FakeMachine vmm, FakeLogRing ring, ulong rbx, ulong rcx) =>
        new BitVisorClient(vmm.On("log_set_buf", ring.Answer)).GetFunction("log_set_buf").Call(rbx, rcx);

    private static ulong Physical(GuestBuffer memory) => memory.Frames()[0] << GuestPage.Shift;

    private static uint Unread(GuestBuffer memory) => BinaryPrimitives.ReadUInt32LittleEndian(memory.Span);
}
