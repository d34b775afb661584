namespace Hypercall.Linux.Tests.Kernel;

public sealed unsafe class KernelMemoryTests : IDisposable
{
    private const string List = "/sys/class/misc/hypercall/kept";

    private readonly StubModule _module = new();
    private readonly KernelMemory _memory;

    public KernelMemoryTests() => _memory = new KernelMemory(_module.Kernel);

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void A_buffer_is_pinned_contiguous_and_where_the_module_says()
    {
        using KernelBuffer buffer = _memory.Allocate(5000);
        Assert.Equal((5000, Residency.Pinned, Contiguity.Contiguous), (buffer.Length, buffer.Residency, buffer.Contiguity));
        Assert.Equal(StubModule.AddressOf(buffer.Id), buffer.PhysicalAddress.Value);
        Assert.False(buffer.IsKept);
        Assert.Equal([(long)buffer.Id << 12], _module.Kernel.Offsets);
        buffer.Span.Fill(7);
        buffer.Touch();
        Assert.Equal(5000, buffer.Memory.Length);
    }

    [Fact]
    public void Whatever_is_asked_for_of_residency_is_given()
    {
        using GuestBuffer buffer = ((IGuestMemory)_memory).Allocate(1, Residency.Touched);
        Assert.Equal((Residency.Pinned, Contiguity.Contiguous), (Assert.IsType<KernelBuffer>(buffer).Residency, buffer.Contiguity));
    }

    [Fact]
    public void Disposed_it_is_freed_in_the_module_and_its_mapping_is_gone()
    {
        _memory.Allocate(4096).Dispose();
        Assert.Empty(_module.Buffers);
        Assert.Equal(0, _module.Kernel.Mappings);
    }

    [Theory]
    [InlineData(StubModule.EINVAL, GuestMemoryRefusalReason.NotContiguous, "4194304 bytes at most", false)]
    [InlineData(StubModule.ENOSPC, GuestMemoryRefusalReason.LockLimit, "largest_total", true)]
    [InlineData(StubModule.ENOMEM, GuestMemoryRefusalReason.OutOfMemory, "fragmented", true)]
    [InlineData(5, GuestMemoryRefusalReason.SystemCallRefused, "EIO", false)]
    public void Each_no_of_the_module_names_its_limit(int error, GuestMemoryRefusalReason reason, string message, bool transient)
    {
        _module.Errors[ModuleAbi.AllocateCommand] = error;
        Assert.False(_memory.TryAllocate(8 << 20, false, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal((reason, transient), (refusal.Reason, refusal.IsTransient));
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-2, GuestMemoryRefusalReason.SystemCallRefused, "modprobe hypercall")]
    [InlineData(-1, GuestMemoryRefusalReason.NoPrivilege, "CAP_SYS_RAWIO")]
    [InlineData(-13, GuestMemoryRefusalReason.NoPrivilege, "Run as root")]
    public void A_device_that_cannot_be_opened_gives_no_memory(int opened, GuestMemoryRefusalReason reason, string message)
    {
        _module.Kernel.Devices[ModuleAbi.Device] = opened;
        GuestMemoryException error = Assert.Throws<GuestMemoryException>(() => _memory.Allocate(1));
        Assert.Equal(reason, error.Refusal.Reason);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_this_is_not_Linux_it_is_not_supported()
    {
        using KernelMemory memory = new(null);
        _ = Assert.Throws<PlatformNotSupportedException>(() => memory.Allocate(1));
        _ = Assert.Throws<PlatformNotSupportedException>(() => memory.ListKept());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_buffer_that_cannot_be_mapped_is_given_back(bool kept)
    {
        _module.Kernel.MapError = StubModule.ENOMEM;
        Assert.False(_memory.TryAllocate(1, kept, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.OutOfMemory, refusal.Reason);
        Assert.Empty(_module.Buffers);
    }

    [Fact]
    public void Windows_are_refused()
    {
        Assert.False(_memory.TryOpenWindow(new byte[1], GuestBufferOptions.Default, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.PinningUnavailable, refusal.Reason);
        Assert.False(_memory.TryOpenWindow(new GuestVirtualAddress(4096), 1, GuestBufferOptions.Default, out _, out refusal));
        Assert.Equal(GuestMemoryRefusalReason.PinningUnavailable, refusal.Reason);
    }

    [Fact]
    public void Pages_of_its_own_are_told_by_arithmetic_and_others_are_not()
    {
        using KernelBuffer buffer = _memory.Allocate(3 * 4096);
        Assert.True(_memory.TryQueryPages(buffer.Address + 4097, 8191, out GuestPageMap? pages, out _));
        Assert.True(pages.TryGetPagedRange(out PagedRange? range, out _));
        Assert.Equal((StubModule.AddressOf(buffer.Id) + 4097, 2), (range.Start.Value, range.Frames.Length));
        Assert.True(buffer.TryQueryPages(out pages, out _));
        Assert.Equal(3, pages.Pages.Length);

        Assert.False(_memory.TryQueryPages(buffer.Address + 4097, 8192, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.PageMapUnavailable, refusal.Reason);
        GuestVirtualAddress start = buffer.Address;
        buffer.Dispose();
        Assert.False(_memory.TryQueryPages(start, 1, out _, out _));
    }

    [Fact]
    public void A_transfer_takes_the_address_from_the_module_and_asks_nobody_else()
    {
        using KernelBuffer buffer = _memory.Allocate(3 * 4096);
        List<(ulong, ulong)> seen = [];
        HypercallFunction function = Function((in call) => seen.Add((call.Rbx, call.Rcx)));
        TransferResult result = function.Transfer(
            buffer.Slice(100, 5000), Passing.Contiguous, Direction.FromVmm, TransferRule.CompletedMeansAll);
        Assert.Equal(5000, result.BytesDone);
        Assert.Equal([(StubModule.AddressOf(buffer.Id) + 100, 5000ul)], seen);
    }

    [Fact]
    public void What_a_VMM_keeps_is_kept_in_the_module_before_it_hears_of_it_and_until_the_lease_ends()
    {
        KernelBuffer buffer = _memory.Allocate(4096);
        bool wasKept = false;
        HypercallFunction function = Function((in _) => wasKept = _module.Buffers[buffer.Id]);
        TransferResult result = Keep(function, buffer);
        Assert.True(wasKept);
        Assert.True(buffer.IsKept);
        _ = Assert.Throws<InvalidOperationException>(buffer.Dispose);

        result.Lease!.Dispose();
        Assert.False(buffer.IsKept);
        Assert.False(_module.Buffers[buffer.Id]);
        buffer.Dispose();
        Assert.Empty(_module.Buffers);
    }

    [Fact]
    public void The_last_of_several_leases_lets_it_go()
    {
        using KernelBuffer buffer = _memory.Allocate(4096);
        GuestBufferLease first = buffer.Lease("one");
        GuestBufferLease second = buffer.Lease("two");
        first.Dispose();
        first.Dispose();
        Assert.True(_module.Buffers[buffer.Id]);
        second.Dispose();
        Assert.False(_module.Buffers[buffer.Id]);
        Assert.Equal(1, _module.Kernel.Commands.Count(command => command == ModuleAbi.KeepCommand));
    }

    [Fact]
    public void A_module_that_does_not_keep_it_gets_no_call()
    {
        using KernelBuffer buffer = _memory.Allocate(4096);
        _module.Errors[ModuleAbi.KeepCommand] = 5;
        HypercallFunction function = Function((in _) => Assert.Fail("The VMM heard of it."));
        TransferResult result = function.TryTransfer(
            buffer, Passing.Contiguous, Direction.FromVmm, TransferRule.CompletedMeansAll, new TransferOptions { KeptBy = "log" });
        Assert.Equal(TransferOutcome.Refused, result.Outcome);
        Assert.Contains("Nobody was told", result.Refusal!.Message, StringComparison.Ordinal);
        Assert.False(buffer.IsLeased);
        Assert.False(buffer.IsKept);
    }

    [Fact]
    public void A_call_that_the_module_refused_leaves_nothing_kept()
    {
        using KernelBuffer buffer = _memory.Allocate(4096);
        _module.Errors[ModuleAbi.CallCommand] = StubModule.EACCES;
        TransferResult result = Function((in _) => { }).TryTransfer(
            buffer, Passing.Contiguous, Direction.FromVmm, TransferRule.CompletedMeansAll, new TransferOptions { KeptBy = "log" });
        Assert.Equal(TransferOutcome.ChannelRefused, result.Outcome);
        Assert.False(_module.Buffers[buffer.Id]);
    }

    [Fact]
    public void A_pointer_of_the_programs_own_keeps_nothing_in_the_module()
    {
        using KernelBuffer buffer = _memory.Allocate(4096);
        using (buffer.Memory.Pin())
        {
            Assert.True(buffer.IsLeased);
            Assert.False(_module.Buffers[buffer.Id]);
        }
    }

    [Fact]
    public void A_kept_buffer_survives_its_disposal_with_its_bytes_and_its_memorys()
    {
        KernelBuffer buffer = _memory.Allocate(4096);
        buffer.Keep();
        buffer.Keep();
        buffer.Dispose();
        Assert.True(_module.Buffers[buffer.Id]);
        Assert.Equal(0, _module.Kernel.Mappings);
        _memory.Dispose();
        Assert.Equal(0, _module.Kernel.OpenFiles);
    }

    [Fact]
    public void A_buffer_that_is_let_go_is_freed_when_it_is_disposed_though_the_memory_was_disposed_before()
    {
        KernelBuffer buffer = _memory.Allocate(4096, kept: true);
        Assert.True(buffer.IsKept);
        _memory.Dispose();
        Assert.Equal(1, _module.Kernel.OpenFiles);
        buffer.LetGo();
        buffer.LetGo();
        buffer.Dispose();
        Assert.Empty(_module.Buffers);
        Assert.Equal(0, _module.Kernel.OpenFiles);
    }

    [Fact]
    public void A_lease_and_a_mark_each_keep_it()
    {
        using KernelBuffer buffer = _memory.Allocate(4096);
        GuestBufferLease lease = buffer.Lease("log");
        buffer.Keep();
        lease.Dispose();
        Assert.True(_module.Buffers[buffer.Id]);

        lease = buffer.Lease("log");
        buffer.LetGo();
        Assert.True(_module.Buffers[buffer.Id]);
        lease.Dispose();
        Assert.False(_module.Buffers[buffer.Id]);
    }

    [Fact]
    public void Kept_buffers_are_listed_as_the_module_lists_them()
    {
        _module.Kernel.Files[List] =
            "id=7 gpa=0x3f000000 size=65536 file=closed pid=411 comm=agent\n"
            + "id=2 gpa=0x1000 size=4096 file=open pid=9 comm=a?b\n"
            + "something else\nid=x gpa=0x1 size=1\nand 3 more\n";
        IReadOnlyList<KeptBuffer> kept = _memory.ListKept();
        Assert.Equal([2u, 7u], kept.Select(one => one.Id));
        Assert.Equal(
            (0x3f000000ul, 65536, false, 411, "agent"),
            (kept[1].PhysicalAddress.Value, kept[1].Length, kept[1].IsOpen, kept[1].ProcessId, kept[1].ProcessName));
        Assert.True(kept[0].IsOpen);
        Assert.DoesNotContain("3f000000", kept[1].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_that_cannot_be_read_says_why()
    {
        Assert.Contains("mount sysfs", Assert.Throws<GuestMemoryException>(() => _memory.ListKept()).Message, StringComparison.Ordinal);
        _module.Kernel.Devices.Clear();
        Assert.Contains("not loaded", Assert.Throws<GuestMemoryException>(() => _memory.ListKept()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kept_buffer_of_a_program_that_has_ended_is_mapped_and_let_go()
    {
        KernelBuffer lost = _memory.Allocate(8192, kept: true);
        lost.Dispose();
        _module.Kernel.Files[List] = $"id={lost.Id} gpa=0x{lost.PhysicalAddress.Value:x} size=8192 file=closed pid=1 comm=x\n";

        using KernelMemory other = new(_module.Kernel);
        using KernelBuffer found = other.OpenKept(lost.Id);
        Assert.Equal((lost.PhysicalAddress, 8192, true), (found.PhysicalAddress, found.Length, found.IsKept));
        found.LetGo();
        Assert.False(_module.Buffers[lost.Id]);
    }

    [Fact]
    public void A_buffer_that_is_not_kept_is_not_opened()
    {
        _module.Kernel.Files[List] = "";
        GuestMemoryException error = Assert.Throws<GuestMemoryException>(() => _memory.OpenKept(5));
        Assert.Equal((GuestMemoryRefusalReason.NotMapped, false), (error.Refusal.Reason, error.IsTransient));
    }

    [Theory]
    [InlineData(StubModule.ENOENT, "no kept buffer 5")]
    [InlineData(StubModule.EBUSY, "Another program still has")]
    [InlineData(5, "EIO")]
    public void A_release_that_is_refused_says_why(int error, string message)
    {
        _module.Errors[ModuleAbi.ReleaseCommand] = error;
        Assert.Contains(message, Assert.Throws<GuestMemoryException>(() => _memory.Release(5)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_disposed_memory_gives_none()
    {
        _memory.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => _memory.Allocate(1));
    }

    private static TransferResult Keep(HypercallFunction function, KernelBuffer buffer) => function.Transfer(
        buffer, Passing.Contiguous, Direction.FromVmm, TransferRule.CompletedMeansAll, new TransferOptions { KeptBy = "log" });

    private delegate void Seen(in HypercallRegisters call);

    private HypercallFunction Function(Seen seen)
    {
        _module.OnCall = call =>
        {
            HypercallRegisters registers = default;
            call->CopyTo(ref registers);
            seen(in registers);
        };
        KernelModuleProvider provider = new(_module.Kernel);
        HypercallTarget target = new(CpuIdentity.Read(new MadeUpCpuid("AuthenticAMD")), provider);
        IHypercallChannel channel = provider.Open(target, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance);

        // Memory that answers nothing: whoever asks it fails.
        return new HypercallFunction(new MadeUpMachine(channel, new KernelMemory(new StubKernel())), HypercallConvention.BitVisor, 5);
    }
}
