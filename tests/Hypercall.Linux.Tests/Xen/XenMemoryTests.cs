namespace Hypercall.Linux.Tests.Xen;

public sealed class XenMemoryTests : IDisposable
{
    private readonly StubKernel _kernel = new() { Devices = { ["/dev/xen/hypercall"] = 0 } };
    private readonly XenMemory _memory;

    public XenMemoryTests() => _memory = new XenMemory(_kernel);

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void A_buffer_is_pinned_and_given_back()
    {
        using (GuestBuffer buffer = _memory.Allocate(5000))
        {
            Assert.Equal((5000, Residency.Pinned, Contiguity.Any), (buffer.Length, buffer.Residency, buffer.Contiguity));
            buffer.Span.Fill(1);
            buffer.Touch();
            Assert.Equal(1, _kernel.Mappings);
        }

        Assert.Equal(0, _kernel.Mappings);
    }

    [Fact]
    public void More_than_a_page_contiguous_is_refused_or_falls_back()
    {
        GuestBufferOptions options = new() { Contiguity = Contiguity.Contiguous };
        Assert.False(_memory.TryAllocate(4097, options, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal((GuestMemoryRefusalReason.NotContiguous, false), (refusal.Reason, refusal.IsTransient));
        using GuestBuffer page = _memory.Allocate(4096, options);
        using GuestBuffer any = _memory.Allocate(4097, new GuestBufferOptions { Contiguity = Contiguity.Contiguous, AllowFallback = true });
        Assert.Equal((Contiguity.Contiguous, Contiguity.Any), (page.Contiguity, any.Contiguity));
    }

    [Fact]
    public void Windows_and_physical_addresses_are_refused()
    {
        using GuestBuffer buffer = _memory.Allocate(1);
        Assert.False(_memory.TryOpenWindow(new byte[1], GuestBufferOptions.Default, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.PinningUnavailable, refusal.Reason);
        Assert.False(_memory.TryOpenWindow(buffer.Address, 1, GuestBufferOptions.Default, out _, out refusal));
        Assert.Equal(GuestMemoryRefusalReason.PinningUnavailable, refusal.Reason);
        Assert.False(_memory.TryQueryPages(buffer.Address, 1, out _, out refusal));
        Assert.Equal(GuestMemoryRefusalReason.PageMapUnavailable, refusal.Reason);
        Assert.False(buffer.TryQueryPages(out _, out refusal));
        Assert.Equal(GuestMemoryRefusalReason.PageMapUnavailable, refusal.Reason);
    }

    [Fact]
    public void A_kernel_without_the_device_says_what_else_there_is()
    {
        _kernel.Devices.Clear();
        _kernel.Files["/sys/hypervisor/type"] = "xen\n";
        string message = Assert.Throws<GuestMemoryException>(() => _memory.Allocate(1)).Message;
        Assert.Contains("Linux 4.18", message, StringComparison.Ordinal);
        Assert.Contains("NativeGuestMemory", message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_memory_is_told_as_that()
    {
        _kernel.MapError = 12;
        Assert.Equal(GuestMemoryRefusalReason.OutOfMemory, Assert.Throws<GuestMemoryException>(() => _memory.Allocate(1)).Refusal.Reason);
    }

    [Fact]
    public void A_buffer_outlives_its_memory()
    {
        using GuestBuffer buffer = _memory.Allocate(1);
        _memory.Dispose();
        buffer.Span[0] = 1;
        Assert.Equal(1, _kernel.OpenFiles);
        buffer.Dispose();
        Assert.Equal(0, _kernel.OpenFiles);
    }
}
