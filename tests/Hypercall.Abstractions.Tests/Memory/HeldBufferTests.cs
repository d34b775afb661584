using System.Diagnostics.CodeAnalysis;
using Hypercall.Testing;

namespace Hypercall.Tests.Memory;

/// <summary>Memory that its giver holds for a VMM, and whose address it tells: <see cref="GuestBuffer.BeginHold"/>.</summary>
public sealed class HeldBufferTests : IDisposable
{
    private readonly Held _buffer = new();

    public void Dispose()
    {
        foreach (GuestBufferLease lease in _buffer.Leases)
        {
            lease.Dispose();
        }

        _buffer.Dispose();
    }

    [Fact]
    public void It_is_held_from_the_first_lease_that_keeps_the_address_to_the_end_of_the_last()
    {
        GuestBufferLease first = _buffer.Lease("one");
        GuestBufferLease second = _buffer.Lease("two");
        second.Dispose();
        Assert.Equal(["begin"], _buffer.Events);
        first.Dispose();
        first.Dispose();
        Assert.Equal(["begin", "end"], _buffer.Events);
        _buffer.Lease("three").Dispose();
        Assert.Equal(["begin", "end", "begin", "end"], _buffer.Events);
    }

    [Fact]
    public void A_lease_for_a_call_holds_nothing()
    {
        _buffer.LeaseForCall("a call").Dispose();
        Assert.Empty(_buffer.Events);
    }

    [Fact]
    public void Memory_that_cannot_be_held_is_not_leased()
    {
        _buffer.Refusal = new GuestMemoryRefusal(GuestMemoryRefusalReason.SystemCallRefused, "No.");
        Assert.Same(_buffer.Refusal, Assert.Throws<GuestMemoryException>(() => _buffer.Lease("one")).Refusal);
        Assert.False(_buffer.IsLeased);
        _buffer.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_transfer_of_memory_that_cannot_be_held_ends_before_the_call(bool judged)
    {
        _buffer.Refusal = new GuestMemoryRefusal(GuestMemoryRefusalReason.SystemCallRefused, "No.");
        TransferResult result = Transfer(judged, _ => throw new InvalidOperationException("It was called."));
        Assert.Equal(TransferOutcome.Refused, result.Outcome);
        Assert.Same(_buffer.Refusal, result.Refusal);
        Assert.Equal(0, result.Calls);
        Assert.Null(result.Lease);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_transfer_takes_the_address_that_was_told_and_asks_no_page_map(bool judged)
    {
        List<(ulong, ulong)> seen = [];
        TransferResult result = Transfer(judged, call => seen.Add((call.Rbx, call.Rcx)));
        Assert.Equal([(0x7000_0010ul, 5000ul)], seen);
        Assert.True(result.IsCompleted);
        Assert.Equal(["begin"], _buffer.Events);
    }

    [Fact]
    public void A_convention_with_its_number_elsewhere_is_not_carried()
    {
        NumberChannel channel = new();
        IHypercallMachine machine = new FakeMachine().WithChannel(channel.Observe());
        _ = new HypercallFunction(machine, HypercallConvention.Xen, 1);
        ArgumentException e = Assert.Throws<ArgumentException>(() => new HypercallFunction(machine, HypercallConvention.Acrn, 1));
        Assert.Contains("has its number in R8, and this channel takes RAX for it", e.Message, StringComparison.Ordinal);
        HypercallConvention part = new("part", new RegisterField(GeneralRegister.Rax, 16, 16), [], GeneralRegister.Rax, source: "a test");
        _ = Assert.Throws<ArgumentException>(() => new HypercallFunction(machine, part, 1));
    }

    private TransferResult Transfer(bool judged, Action<HypercallRegisters> seen)
    {
        // The convention that judges nothing sends pieces together; the other one after the other.
        HypercallConvention convention = judged
            ? new HypercallConvention(
                "judged", GeneralRegister.Rax, [GeneralRegister.Rbx, GeneralRegister.Rcx], GeneralRegister.Rax,
                failure: HypercallFailureRule.NegativeErrno, layout: TransferLayout.AddressAndLength, source: "a test")
            : HypercallConvention.BitVisor;
        IHypercallMachine machine = new FakeMachine().WithChannel(new SeenChannel(seen)); // its memory knows nothing of the buffer
        return new HypercallFunction(machine, convention, 5).TryTransfer(
            _buffer.Slice(16, 5000), Hypercall.Passing.Contiguous, Direction.FromVmm, TransferRule.CompletedMeansAll, new TransferOptions { KeptBy = "log" });
    }

    private sealed class SeenChannel(Action<HypercallRegisters> seen) : IHypercallChannel
    {
        public HypercallStatus TryInvoke(ref HypercallRegisters registers)
        {
            seen(registers);
            return HypercallStatus.Completed;
        }
    }

    private sealed class NumberChannel : IHypercallChannel
    {
        public GeneralRegister? NumberRegister => GeneralRegister.Rax;

        public HypercallStatus TryInvoke(ref HypercallRegisters registers) => throw new NotSupportedException();
    }

    private sealed class Held() : GuestBuffer(new GuestVirtualAddress(0x1000), 8192, Residency.Pinned, Contiguity.Contiguous)
    {
        public List<string> Events { get; } = [];

        public GuestMemoryRefusal? Refusal { get; set; }

        protected internal override GuestPhysicalAddress? FixedAddress => new GuestPhysicalAddress(0x7000_0000);

        protected override GuestMemoryRefusal? BeginHold()
        {
            if (Refusal is null)
            {
                Events.Add("begin");
            }

            return Refusal;
        }

        protected override void EndHold() => Events.Add("end");

        protected override Memory<byte> GetMemory(long offset, int length) => throw new NotSupportedException();

        protected override void TouchPages(long offset, long length)
        {
        }

        protected override bool TryQueryPagesCore(
            [NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
            throw new InvalidOperationException("Nobody should ask.");

        protected override void Release()
        {
        }
    }
}
