using Hypercall.BitVisor;

namespace Hypercall.Testing.Tests.Handlers;

/// <summary>The fake VMM's get_status, from its client and from bare registers.</summary>
public class FakeStatusTests
{
    private const string Text = "up: yes\ncpus: 4 \u00b5\n";

    [Fact]
    public void The_client_gets_the_text() =>
        Assert.Equal(Text, Client(new FakeStatus(Text)).GetStatus());

    [Fact]
    public void A_text_longer_than_the_first_buffer_arrives_whole()
    {
        string text = string.Concat(Enumerable.Range(0, 5000).Select(line => $"line {line}\n"));
        Assert.Equal(text, Client(new FakeStatus(text)).GetStatus());
    }

    [Fact]
    public void A_text_that_grows_faster_than_the_client_asks_is_not_delivered()
    {
        int size = 4096;
        FakeStatus status = new(() => new string('x', size += 4096));

        Assert.Equal(VmmStatusOutcome.Undelivered, Client(status).TryGetStatus().Outcome);
    }

    [Fact]
    public void Turned_off_it_touches_no_register()
    {
        FakeStatus status = new(Text) { IsEnabled = false };
        Assert.Equal(VmmStatusOutcome.Disabled, Client(status).TryGetStatus().Outcome);

        HypercallResult answer = Call(status, 0x1234, 7);
        Assert.True(answer.NumberCameBack);
        Assert.Equal((0x1234ul, 7ul), (answer.Rbx, answer.Rcx));
    }

    [Fact]
    public void A_buffer_of_exactly_its_size_will_do_and_one_byte_less_will_not()
    {
        FakeMachine vmm = new FakeMachine().On("get_status", new FakeStatus("12345678").Answer);
        using GuestBuffer buffer = vmm.Memory.Allocate(8, Residency.Pinned);

        HypercallResult tooSmall = new BitVisorClient(vmm).GetFunction("get_status").Call(buffer.Address.Value, 7);
        Assert.Equal((1ul, 8ul), (tooSmall.Rax, tooSmall.Rcx));
        Assert.Equal(new byte[8], buffer.Span.ToArray());

        HypercallResult fits = new BitVisorClient(vmm).GetFunction("get_status").Call(buffer.Address.Value, 8);
        Assert.Equal((0ul, 8ul), (fits.Rax, fits.Rcx));
        Assert.Equal("12345678"u8.ToArray(), buffer.Span.ToArray());
    }

    [Fact]
    public void A_page_that_is_absent_makes_it_say_1_and_no_more_than_the_size()
    {
        FakeMachine vmm = new FakeMachine().On("get_status", new FakeStatus(Text).Answer);
        using GuestBuffer buffer = vmm.Memory.Allocate(4096, Residency.Touched);
        vmm.Memory.SwapOut(buffer);

        HypercallResult answer = new BitVisorClient(vmm).GetFunction("get_status").Call(buffer.Address.Value, 4096);
        Assert.Equal((1ul, 19ul), (answer.Rax, answer.Rcx));
    }

    private static VmmStatusClient Client(FakeStatus status) => new(new BitVisorClient(new FakeMachine().On("get_status", status.Answer)));

    private static HypercallResult Call(FakeStatus status, ulong rbx, ulong rcx) =>
        new BitVisorClient(new FakeMachine().On("get_status", status.Answer)).GetFunction("get_status").Call(rbx, rcx);
}
