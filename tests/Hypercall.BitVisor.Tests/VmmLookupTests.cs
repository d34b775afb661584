using System.Text;
using FsCheck.Xunit;
using Hypercall.BitVisor;

namespace Hypercall.Tests.BitVisor;

public class VmmLookupTests
{
    private const ulong MinusOne = ulong.MaxValue;

    private static readonly CpuFault InvalidOpcode = new(CpuFaultKind.InvalidOpcode);

    [Fact]
    public void The_name_goes_over_NUL_terminated_by_virtual_address_in_RBX_with_RAX_0()
    {
        ScriptedMachine machine = ScriptedMachine.Answering();
        string? seen = null;
        machine.OnInvoke = (ref registers) =>
        {
            Assert.Equal(new HypercallRegisters { Rbx = registers.Rbx }, registers);
            seen = machine.TextAt(registers.Rbx);
            registers.Rax = 5;
            return HypercallStatus.Completed;
        };

        Assert.Equal(5ul, new BitVisorClient(machine).GetFunction("föö").Number);
        Assert.Equal("föö", seen);
    }

    [Fact]
    public void The_name_lies_in_pinned_memory_or_the_fallback_and_is_released()
    {
        ScriptedMachine machine = ScriptedMachine.Answering(5);
        _ = new BitVisorClient(machine).GetFunction("foo");
        GuestBufferOptions request = Assert.Single(machine.Requests);
        Assert.Equal((Residency.Pinned, true), (request.Residency, request.AllowFallback));
        Assert.Equal(machine.Allocated, machine.Released);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void An_answer_of_0_is_asked_again_after_another_write_touch(int foundAt)
    {
        ScriptedMachine machine = ScriptedMachine.Answering([.. Enumerable.Repeat(0ul, foundAt - 1), 7]);
        Assert.Equal(7ul, new BitVisorClient(machine).GetFunction("foo").Number);
        Assert.Equal((foundAt, foundAt), (machine.Calls, machine.Touches));
    }

    [Fact]
    public void Three_answers_of_0_mean_not_found()
    {
        ScriptedMachine machine = ScriptedMachine.Answering(0, 0, 0);
        VmmFunctionNotFoundException e = Assert.Throws<VmmFunctionNotFoundException>(() => new BitVisorClient(machine).GetFunction("foo"));
        Assert.Equal(3, machine.Calls);
        Assert.Equal("foo", e.Name);
        Assert.All(["no function of this name", "not present", "ignores hypercalls"], cause => Assert.Contains(cause, e.Message, StringComparison.Ordinal));
        Assert.Equal(machine.Allocated, machine.Released);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(127, true)]
    [InlineData(128, false)]
    [InlineData(0x8000_0000_0000_0001, false)]
    [InlineData(MinusOne, false)]
    public void Only_1_to_127_is_a_function_number(ulong rax, bool found)
    {
        ScriptedMachine machine = ScriptedMachine.Answering(rax);
        VmmLookup lookup = new BitVisorClient(machine).TryGetFunction("foo");
        Assert.Equal(found ? VmmLookupOutcome.Found : VmmLookupOutcome.ForeignAbi, lookup.Outcome);
        Assert.Equal((found, rax, 1), (lookup.IsFound, lookup.Rax, machine.Calls));
    }

    [Fact]
    public void Minus_one_is_explained_as_what_KVM_does()
    {
        ScriptedMachine machine = ScriptedMachine.Answering(MinusOne);
        ForeignVmmException e = Assert.Throws<ForeignVmmException>(() => new BitVisorClient(machine).GetFunction("dbgsh"));
        Assert.Equal(("dbgsh", MinusOne), (e.Name, e.Rax));
        Assert.All(["KVM", "EPERM", "(-1)"], part => Assert.Contains(part, e.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void A_fault_is_told_apart_and_not_tried_again()
    {
        ScriptedMachine machine = new() { OnInvoke = (ref _) => HypercallStatus.Faulted(InvalidOpcode) };
        VmmLookup lookup = new BitVisorClient(machine).TryGetFunction("foo");
        Assert.Equal((VmmLookupOutcome.Faulted, InvalidOpcode, 1), (lookup.Outcome, lookup.Status.Fault, machine.Calls));
        Assert.Equal(InvalidOpcode, Assert.Throws<HypercallFaultException>(() => new BitVisorClient(machine).GetFunction("foo")).Fault);
    }

    [Fact]
    public void A_found_function_is_remembered_until_it_is_forgotten()
    {
        ScriptedMachine machine = ScriptedMachine.Answering(4, 9, 11);
        BitVisorClient vmm = new(machine);
        Assert.Same(vmm.GetFunction("foo"), vmm.GetFunction("foo"));
        Assert.True(vmm.Forget("foo"));
        Assert.False(vmm.Forget("foo"));
        Assert.Equal(9ul, vmm.GetFunction("foo").Number);
        vmm.ForgetAll();
        Assert.Equal(11ul, vmm.GetFunction("foo").Number);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_look_up_that_began_before_its_name_was_forgotten_is_not_remembered(bool all)
    {
        ScriptedMachine machine = ScriptedMachine.Answering();
        BitVisorClient vmm = new(machine);
        machine.OnInvoke = (ref registers) =>
        {
            if (machine.Calls == 1)
            {
                if (all)
                {
                    vmm.ForgetAll(); // the VMM is replaced while the old one answers
                }
                else
                {
                    _ = vmm.Forget("foo");
                }
            }

            registers.Rax = (ulong)machine.Calls;
            return HypercallStatus.Completed;
        };
        Assert.Equal(1ul, vmm.GetFunction("foo").Number);
        Assert.Equal(2ul, vmm.GetFunction("foo").Number);
        Assert.Equal(2ul, vmm.GetFunction("foo").Number);
    }

    [Fact]
    public void The_page_with_the_name_is_in_use_while_the_VMM_reads_it()
    {
        ScriptedMachine machine = ScriptedMachine.Answering();
        machine.OnInvoke = (ref registers) =>
        {
            Assert.True(machine.BufferAt(registers.Rbx).IsLeased);
            registers.Rax = 5;
            return HypercallStatus.Completed;
        };
        Assert.True(new BitVisorClient(machine).TryGetFunction("foo").IsFound);
    }

    [Fact]
    public void A_default_look_up_found_nothing() => Assert.Equal((VmmLookupOutcome.NotFound, false), (default(VmmLookup).Outcome, default(VmmLookup).IsFound));

    [Fact]
    public void The_throwing_call_with_a_frame_throws_the_fault()
    {
        ScriptedMachine machine = ScriptedMachine.Answering(42);
        HypercallFunction foo = new BitVisorClient(machine).GetFunction("foo");
        machine.OnInvoke = (ref _) => HypercallStatus.Faulted(InvalidOpcode);
        HypercallRegisters registers = default;
        Assert.Equal(InvalidOpcode, Assert.Throws<HypercallFaultException>(() => foo.Call(ref registers)).Fault);
    }

    [Fact]
    public void A_name_that_was_not_found_is_asked_for_again()
    {
        ScriptedMachine machine = ScriptedMachine.Answering(0, 0, 0, 5);
        BitVisorClient vmm = new(machine);
        Assert.False(vmm.TryGetFunction("foo").IsFound);
        Assert.True(vmm.TryGetFunction("foo").IsFound);
    }

    [Property]
    public void A_name_is_1_to_255_bytes_of_UTF8_without_NUL(string? name)
    {
        ScriptedMachine machine = new() { OnInvoke = (ref registers) => { registers.Rax = 1; return HypercallStatus.Completed; } };
        BitVisorClient vmm = new(machine);
        bool surrogatesPair = name is not null && !name.EnumerateRunes().Any(rune => rune == Rune.ReplacementChar);
        if (name is null)
        {
            _ = Assert.Throws<ArgumentNullException>(() => vmm.TryGetFunction(name!));
        }
        else if (name.Length == 0 || name.Contains('\0', StringComparison.Ordinal) || !surrogatesPair || Encoding.UTF8.GetByteCount(name) > 255)
        {
            _ = Assert.Throws<ArgumentException>(() => vmm.TryGetFunction(name));
            Assert.Equal(0, machine.Calls);
        }
        else
        {
            Assert.True(vmm.TryGetFunction(name).IsFound);
        }
    }

    [Theory]
    [InlineData(255, 'a', true)]
    [InlineData(256, 'a', false)]
    [InlineData(127, 'ö', true)] // two bytes each
    [InlineData(128, 'ö', false)]
    public void The_limit_counts_bytes_not_characters(int count, char character, bool valid)
    {
        ScriptedMachine machine = ScriptedMachine.Answering(1);
        Exception? e = Record.Exception(() => new BitVisorClient(machine).GetFunction(new string(character, count)));
        Assert.Equal(valid, e is null);
        Assert.Equal(valid ? 1 : 0, machine.Calls);
    }

    [Fact]
    public void A_call_sends_the_number_and_five_arguments_and_returns_all_registers()
    {
        ScriptedMachine machine = ScriptedMachine.Answering(42);
        HypercallFunction foo = new BitVisorClient(machine).GetFunction("foo");
        machine.OnInvoke = (ref registers) =>
        {
            Assert.Equal(new HypercallRegisters { Rax = 42, Rbx = 1, Rcx = 2, Rdx = 3, Rsi = 4, Rdi = 5 }, registers);
            registers.Rax = 10;
            registers.Rcx = 99;
            registers.R15 = 7;
            return HypercallStatus.Completed;
        };
        HypercallResult result = foo.Call(1, 2, 3, 4, 5);
        Assert.Equal((42ul, 10ul, 1ul, 99ul, 3ul, 4ul, 5ul, 7ul), (result.Number, result.Rax, result.Rbx, result.Rcx, result.Rdx, result.Rsi, result.Rdi, result.Registers.R15));
        Assert.False(result.NumberCameBack);
    }

    [Fact]
    public void RAX_equal_to_the_number_is_exposed_and_not_judged()
    {
        ScriptedMachine machine = ScriptedMachine.Answering(42);
        HypercallFunction foo = new BitVisorClient(machine).GetFunction("foo");
        machine.OnInvoke = (ref _) => HypercallStatus.Completed;
        Assert.True(foo.Call().NumberCameBack);
    }

    [Fact]
    public void A_call_may_return_minus_one()
    {
        ScriptedMachine machine = ScriptedMachine.Answering(42, MinusOne);
        Assert.Equal(MinusOne, new BitVisorClient(machine).GetFunction("dbgsh").Call().Rax);
    }

    [Fact]
    public void A_call_that_faults_throws_or_returns_the_fault()
    {
        ScriptedMachine machine = ScriptedMachine.Answering(42);
        HypercallFunction foo = new BitVisorClient(machine).GetFunction("foo");
        machine.OnInvoke = (ref _) => HypercallStatus.Faulted(InvalidOpcode);
        Assert.Equal(InvalidOpcode, Assert.Throws<HypercallFaultException>(() => foo.Call()).Fault);
        Assert.Equal(InvalidOpcode, foo.TryCall(out HypercallResult result, 3).Fault);
        Assert.Equal((42ul, 3ul), (result.Rax, result.Rbx));
    }
}
