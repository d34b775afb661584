using System.Text;
using Hypercall.BitVisor;

namespace Hypercall.Tests.BitVisor;

public class VmmStatusClientTests
{
    private const ulong Number = 20;

    private readonly ScriptedMachine _machine = ScriptedMachine.Answering();
    private readonly List<(ulong Size, ulong Answered)> _asked = [];

    [Fact]
    public void The_text_is_delivered_into_a_writable_buffer_of_the_size_told()
    {
        Answer((ref registers) => Deliver(ref registers, "running\nall well\0"));
        Assert.Equal("running\nall well", Client().GetStatus());
        Assert.Equal(_machine.Allocated, _machine.Released);
    }

    [Fact]
    public void A_text_that_needs_more_room_is_asked_for_again_with_as_much()
    {
        string text = new('x', 10_000);
        Answer((ref registers) => Deliver(ref registers, text));
        Assert.Equal(text, Client().GetStatus());
        Assert.Equal([4096ul, 10_000ul], _asked.Select(asked => asked.Size));
    }

    [Fact]
    public void An_absent_page_is_touched_and_asked_for_again()
    {
        int calls = 0;
        Answer((ref registers) =>
        {
            if (++calls < 3)
            {
                (registers.Rax, registers.Rcx) = (1, 100); // fits: so a page was absent or read-only
            }
            else
            {
                Deliver(ref registers, "late");
            }
        });
        int touches = _machine.Touches;
        Assert.Equal("late", Client().GetStatus());
        Assert.True(_machine.Touches - touches >= 3);
    }

    [Theory]
    [InlineData(100)]    // absent each time
    [InlineData(0)]      // grows each time
    public void Three_tries_are_an_error(ulong needed)
    {
        Answer((ref registers) => (registers.Rax, registers.Rcx) = (1, needed == 0 ? registers.Rcx + 1 : needed));
        VmmStatusReport report = Client().TryGetStatus();
        Assert.Equal((VmmStatusOutcome.Undelivered, 3), (report.Outcome, _asked.Count));
        Assert.Contains("3 tries", Assert.Throws<VmmFunctionFailedException>(() => Client().GetStatus()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Unchanged_registers_mean_disabled()
    {
        Answer((ref _) => { });
        Assert.Equal(VmmStatusOutcome.Disabled, Client().TryGetStatus().Outcome);
        Assert.Contains("vmm.status", Assert.Throws<VmmFunctionDisabledException>(() => Client().GetStatus()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_number_that_the_VMM_does_not_know_any_more_is_not_an_empty_status()
    {
        Answer((ref registers) => registers.Rax = 0); // what an unknown number gives; nothing else changes
        VmmStatusReport report = Client().TryGetStatus();
        Assert.Equal(VmmStatusOutcome.Unexpected, report.Outcome);
        Assert.Contains("ForgetAll", report.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 4097)]                        // more written than there was room for
    [InlineData(2, 10)]
    [InlineData(1, 0x1_0000_0000_0000)]          // a status of 256 TiB
    [InlineData(20, 10)]                         // the number, but another RCX
    public void An_answer_that_the_ABI_does_not_know_is_unexpected(ulong rax, ulong rcx)
    {
        Answer((ref registers) => (registers.Rax, registers.Rcx) = (rax, rcx));
        VmmStatusReport report = Client().TryGetStatus();
        Assert.Equal((VmmStatusOutcome.Unexpected, 1), (report.Outcome, _asked.Count));
        Assert.Contains($"RCX = 0x{rcx:x}", report.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_function_with_number_1_is_not_called_disabled_when_the_text_just_fits()
    {
        int calls = 0;
        Answer((ref registers) =>
        {
            if (++calls == 1)
            {
                (registers.Rax, registers.Rcx) = (1, 4096); // absent page, and the text fits exactly: looks like disabled
            }
            else
            {
                Deliver(ref registers, new string('y', 4096));
            }
        }, number: 1);
        Assert.Equal(4096, Client().GetStatus().Length);
    }

    [Fact]
    public void A_disabled_function_with_number_1_is_disabled()
    {
        Answer((ref _) => { }, number: 1);
        Assert.Equal(VmmStatusOutcome.Disabled, Client().TryGetStatus().Outcome);
    }

    [Fact]
    public void A_VMM_without_the_function_is_told_apart()
    {
        _machine.OnInvoke = (ref registers) => { registers.Rax = 0; return HypercallStatus.Completed; };
        Assert.Equal((VmmStatusOutcome.NoFunction, VmmLookupOutcome.NotFound), (Client().TryGetStatus().Outcome, Client().TryGetStatus().Lookup.Outcome));
        _ = Assert.Throws<VmmFunctionNotFoundException>(() => Client().GetStatus());
    }

    [Fact]
    public void A_fault_is_told_apart()
    {
        bool found = false;
        _machine.OnInvoke = (ref registers) =>
        {
            registers.Rax = Number;
            return found ? HypercallStatus.Faulted(new CpuFault(CpuFaultKind.PageFault)) : (found = true, HypercallStatus.Completed).Item2;
        };
        VmmStatusReport report = Client().TryGetStatus();
        Assert.Equal((VmmStatusOutcome.NotCompleted, CpuFaultKind.PageFault), (report.Outcome, report.Status.Fault.Kind));
    }

    [Fact]
    public void The_text_lies_in_pinned_memory_or_the_fallback()
    {
        Answer((ref registers) => Deliver(ref registers, "x"));
        _ = Client().GetStatus();
        Assert.All(_machine.Requests, request => Assert.Equal((Residency.Pinned, true), (request.Residency, request.AllowFallback)));
    }

    [Fact]
    public void A_text_of_16_MiB_is_asked_for_and_a_byte_more_is_not()
    {
        Answer((ref registers) => (registers.Rax, registers.Rcx) = (1, 1 << 24));
        Assert.Equal(VmmStatusOutcome.Undelivered, Client().TryGetStatus().Outcome);
        Assert.Equal([4096ul, 1 << 24, 1 << 24], _asked.Select(asked => asked.Size));
        Answer((ref registers) => (registers.Rax, registers.Rcx) = (1, (1 << 24) + 1));
        Assert.Equal(VmmStatusOutcome.Unexpected, Client().TryGetStatus().Outcome);
    }

    [Theory]
    [InlineData(0, 4, VmmStatusOutcome.Available)]
    [InlineData(20, 4096, VmmStatusOutcome.Disabled)]
    [InlineData(0, 4096, VmmStatusOutcome.Unexpected)]
    [InlineData(2, 10, VmmStatusOutcome.Unexpected)]
    [InlineData(1, 100, VmmStatusOutcome.Undelivered)]
    public void Every_report_has_the_look_up_and_the_last_registers(ulong rax, ulong rcx, VmmStatusOutcome expected)
    {
        Answer((ref registers) => (registers.Rax, registers.Rcx) = (rax, rcx));
        VmmStatusReport report = Client().TryGetStatus();
        Assert.Equal(expected, report.Outcome);
        Assert.Equal((VmmLookupOutcome.Found, "get_status"), (report.Lookup.Outcome, report.Lookup.Name));
        Assert.Equal((rax, rcx), (report.Registers.Rax, report.Registers.Rcx));
        Assert.NotEmpty(report.Message);
    }

    [Fact]
    public void The_report_of_a_VMM_without_the_function_has_the_look_up()
    {
        _machine.OnInvoke = (ref registers) => { registers.Rax = 0; return HypercallStatus.Completed; };
        Assert.Equal("get_status", Client().TryGetStatus().Lookup.Name);
    }

    private delegate void Behaviour(ref HypercallRegisters registers);

    private void Answer(Behaviour behaviour, ulong number = Number) => _machine.OnInvoke = (ref registers) =>
    {
        if (registers.Rax == 0)
        {
            Assert.Equal("get_status", _machine.TextAt(registers.Rbx));
            registers.Rax = number;
        }
        else
        {
            ulong size = registers.Rcx;
            behaviour(ref registers);
            _asked.Add((size, registers.Rax));
        }

        return HypercallStatus.Completed;
    };

    private void Deliver(ref HypercallRegisters registers, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        registers.Rax = (ulong)bytes.Length <= registers.Rcx ? 0ul : 1;
        registers.Rcx = (ulong)bytes.Length;
        if (registers.Rax == 0)
        {
            bytes.CopyTo(_machine.BytesAt(registers.Rbx));
        }
    }

    private VmmStatusClient Client() => new(new BitVisorClient(_machine));
}
