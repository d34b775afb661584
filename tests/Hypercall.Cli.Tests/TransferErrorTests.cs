using Hypercall.BitVisor;
using Hypercall.Cli.Output;
using Hypercall.Testing;

namespace Hypercall.Cli.Tests;

/// <summary>How transfers that fail end the process, whatever command makes them.</summary>
public class TransferErrorTests
{
    private const int Length = 3 * 4096;

    [Fact]
    public void A_page_that_moved_during_the_call_exits_7()
    {
        (ExitCode code, ErrorInfo info) = Fail((fake, buffer, call) => fake.Memory.MigratePage(buffer, 0), Residency.Locked);

        Assert.Equal((ExitCode.Untrusted, "memoryMoved"), (code, info.Kind));
        Assert.Equal(0, info.BytesDone);
    }

    [Fact]
    public void A_function_that_fails_part_way_exits_1_and_says_how_far_it_got()
    {
        int calls = 0;
        (ExitCode code, ErrorInfo info) = Fail(
            (fake, buffer, call) => calls++,
            rule: TransferRule.Create("full at the second", (in _, length) => calls == 2 ? TransferAnswer.Failed("It is full.") : TransferAnswer.Done(length)));

        Assert.Equal((ExitCode.Refused, "functionFailed"), (code, info.Kind));
        Assert.Equal(4096, info.BytesDone);
        Assert.Contains("It is full.", info.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_function_that_stops_part_way_exits_1()
    {
        (ExitCode code, ErrorInfo info) = Fail((fake, buffer, call) => { }, rule: TransferRule.Create("half", (in _, length) => TransferAnswer.Done(length / 2)));

        Assert.Equal((ExitCode.Refused, "transferIncomplete"), (code, info.Kind));
    }

    [Fact]
    public void A_fault_part_way_exits_3_and_names_the_fault()
    {
        (ExitCode code, ErrorInfo info) = Fail((fake, buffer, call) => fake.Personality = FakeVmmPersonality.None);

        Assert.Equal((ExitCode.Faulted, "fault"), (code, info.Kind));
        Assert.Equal("#UD", info.Fault?.Fault);
    }

    [Fact]
    public void Memory_that_is_not_fit_exits_6_and_says_why()
    {
        (ExitCode code, ErrorInfo info) = Fail((fake, buffer, call) => { }, prepare: fake => fake.Memory.HideFrames = true);

        Assert.Equal((ExitCode.MemoryRefused, "memory"), (code, info.Kind));
        Assert.Equal("framesHidden", info.Reason);
    }

    [Fact]
    public void A_transfer_that_was_cancelled_exits_130_and_says_how_far_it_got()
    {
        using CancellationTokenSource source = new();
        (ExitCode code, ErrorInfo info) = Fail((fake, buffer, call) => source.Cancel(), cancellationToken: source.Token);

        Assert.Equal((ExitCode.Cancelled, "cancelled"), (code, info.Kind));
        Assert.Equal(4096, info.BytesDone);
        Assert.Contains("4096 of 12288 bytes", info.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("disabled", "functionDisabled")]
    [InlineData("failed", "functionFailed")]
    public void A_function_that_is_turned_off_or_fails_exits_1(string how, string kind)
    {
        Exception error = how == "disabled" ? new VmmFunctionDisabledException("get_status", "vmm.status") : new VmmFunctionFailedException("get_status", "It gave up.");

        Assert.Equal((ExitCode.Refused, kind), ExitCodes.Classify(error));
        Assert.Equal("get_status", ErrorInfo.Of(error).Function);
    }

    private static (ExitCode Code, ErrorInfo Info) Fail(
        Action<FakeMachine, GuestBuffer, FakeCall> duringCall,
        Residency residency = Residency.Pinned,
        TransferRule? rule = null,
        Action<FakeMachine>? prepare = null,
        CancellationToken cancellationToken = default)
    {
        FakeMachine fake = new();
        prepare?.Invoke(fake);
        Assert.True(((IHypercallMachine)fake).Memory.TryAllocate(Length, new GuestBufferOptions { Residency = residency }, out GuestBuffer? buffer, out _));
        using (buffer)
        {
            fake.On("take", call => duringCall(fake, buffer, call));
            HypercallFunction take = new BitVisorClient(fake).GetFunction("take");
            Exception error = Assert.ThrowsAny<Exception>(
                () => take.Transfer(buffer, Passing.PageByPage, Direction.ToVmm, rule ?? TransferRule.CompletedMeansAll, null, cancellationToken));
            return (ExitCodes.For(error), ErrorInfo.Of(error));
        }
    }
}
