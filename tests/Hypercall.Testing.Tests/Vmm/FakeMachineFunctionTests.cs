using Hypercall.BitVisor;

namespace Hypercall.Testing.Tests;

/// <summary>The rules of calling functions by name, one by one.</summary>
public sealed class FakeMachineFunctionTests
{
    private readonly FakeMachine _fake = new();

    [Fact]
    public void A_function_is_found_by_name_and_called_with_its_arguments()
    {
        HypercallRegisters seen = default;
        _ = _fake.On("foo", call =>
        {
            seen = call.Registers;
            call.Rax = 10;
        });

        HypercallResult result = new BitVisorClient(_fake).GetFunction("foo").Call(1, 2, 3, 4, 5);

        Assert.Equal(new HypercallRegisters { Rax = 4, Rbx = 1, Rcx = 2, Rdx = 3, Rsi = 4, Rdi = 5 }, seen);
        Assert.Equal(seen with { Rax = 10 }, result.Registers);
    }

    [Theory]
    [InlineData("boot", 1)]
    [InlineData("loadcfg", 2)]
    [InlineData("loadcfg64", 3)]
    public void Every_build_has_the_functions_of_booting_and_they_leave_RAX_alone(string name, ulong number)
    {
        HypercallFunction function = new BitVisorClient(_fake).GetFunction(name);

        Assert.Equal(number, function.Number);
        Assert.True(function.Call(9).NumberCameBack);
    }

    [Fact]
    public void Numbers_are_given_in_order_from_4()
    {
        _ = _fake.On("a", _ => { }).On("b", _ => { }).On("a", _ => { });

        BitVisorClient vmm = new(_fake);

        Assert.Equal([4ul, 5ul], [vmm.GetFunction("a").Number, vmm.GetFunction("b").Number]);
    }

    [Fact]
    public void An_unknown_number_gives_RAX_0_and_leaves_the_other_registers_alone()
    {
        foreach (ulong number in new ulong[] { 4, 127, 128, ulong.MaxValue })
        {
            HypercallRegisters registers = Numbered(100);
            registers.Rax = number;
            HypercallRegisters expected = registers;
            expected.Rax = 0;

            _fake.Channel.Invoke(ref registers);

            Assert.Equal(expected, registers);
        }
    }

    [Fact]
    public void A_look_up_writes_no_register_but_RAX()
    {
        using GuestBuffer name = Place("boot\0"u8);
        HypercallRegisters registers = Numbered(100);
        registers.Rax = 0;
        registers.Rbx = name.Address.Value;
        HypercallRegisters expected = registers;
        expected.Rax = 1;

        _fake.Channel.Invoke(ref registers);

        Assert.Equal(expected, registers);
    }

    [Fact]
    public void An_unknown_name_gives_0() => Assert.Equal(0ul, LookUp("nonsense\0"u8));

    [Fact]
    public void A_name_is_case_sensitive_and_compared_as_a_whole()
    {
        Assert.Equal(0ul, LookUp("Boot\0"u8));
        Assert.Equal(0ul, LookUp("boo\0"u8));
        Assert.Equal(0ul, LookUp("boots\0"u8));
        Assert.Equal(0ul, LookUp("\0"u8));
    }

    [Fact]
    public void The_look_up_function_does_not_find_itself() => Assert.Equal(0ul, LookUp("get_vmmcall_number\0"u8));

    [Fact]
    public void A_name_of_255_bytes_is_found_and_one_without_NUL_in_256_bytes_is_not()
    {
        string longest = new('n', 255);
        _ = _fake.On(longest, _ => { });

        Assert.Equal(4ul, new BitVisorClient(_fake).GetFunction(longest).Number);
        byte[] endless = new byte[300];
        endless.AsSpan(0, 256).Fill((byte)'n');
        Assert.Equal(0ul, LookUp(endless));
    }

    [Fact]
    public void A_name_that_is_not_UTF8_matches_nothing()
    {
        _ = _fake.On("\uFFFD", _ => { });

        Assert.Equal(0ul, LookUp([0xFF, 0]));
        Assert.Equal(4ul, LookUp([0xEF, 0xBF, 0xBD, 0]));
    }

    [Fact]
    public void A_name_at_an_address_of_nobody_gives_0()
    {
        Assert.Equal(0ul, LookUpAt(0));
        Assert.Equal(0ul, LookUpAt(0x1234));
        Assert.Equal(0ul, LookUpAt(ulong.MaxValue));
        Assert.Equal(0ul, LookUpAt(0x8000_0000_0000));
    }

    [Fact]
    public void A_name_on_a_page_that_is_swapped_out_gives_0_until_it_is_touched()
    {
        using GuestBuffer name = Place("boot\0"u8, residency: Residency.Touched);
        _fake.Memory.SwapOut(name);

        Assert.Equal(0ul, LookUpAt(name.Address.Value));
        name.Touch();
        Assert.Equal(1ul, LookUpAt(name.Address.Value));
    }

    [Fact]
    public void A_name_that_runs_into_an_absent_page_gives_0()
    {
        using GuestBuffer name = Place("boot\0"u8, GuestPage.Size - 2, Residency.Touched);
        _fake.Memory.SwapOut(name, 1);

        Assert.Equal(0ul, LookUpAt(name.Address.Value + GuestPage.Size - 2));
    }

    [Fact]
    public void A_name_that_ends_with_its_page_is_found_though_the_next_page_is_absent()
    {
        using GuestBuffer name = Place("boot\0"u8, GuestPage.Size - 5, Residency.Touched, pages: 2);
        _fake.Memory.SwapOut(name, 1);

        Assert.Equal(1ul, LookUpAt(name.Address.Value + GuestPage.Size - 5));
    }

    [Fact]
    public void A_name_across_two_present_pages_is_found()
    {
        using GuestBuffer name = Place("boot\0"u8, GuestPage.Size - 2);

        Assert.Equal(1ul, LookUpAt(name.Address.Value + GuestPage.Size - 2));
    }

    [Fact]
    public void The_last_number_is_127_and_the_next_name_is_refused_with_a_clear_error()
    {
        for (int i = 4; i <= 127; i++)
        {
            _ = _fake.On($"f{i}", _ => { });
        }

        Assert.Equal(127ul, new BitVisorClient(_fake).GetFunction("f127").Number);
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => _fake.On("one more", _ => { }));
        Assert.Contains("127", error.Message, StringComparison.Ordinal);
        _ = _fake.On("f127", call => call.Rax = 1); // replacing needs no number
    }

    [Fact]
    public void A_function_that_was_removed_is_not_found_and_its_number_gives_0_until_it_is_taken_again()
    {
        BitVisorClient vmm = new(_fake.On("foo", call => call.Rax = 1));
        HypercallFunction foo = vmm.GetFunction("foo");

        _ = _fake.Remove("foo").Remove("never there");

        Assert.Equal(0ul, foo.Call().Rax);
        vmm.ForgetAll();
        Assert.Equal(VmmLookupOutcome.NotFound, vmm.TryGetFunction("foo").Outcome);
        _ = _fake.On("bar", call => call.Rax = 2);
        Assert.Equal(2ul, foo.Call().Rax);
    }

    [Fact]
    public void A_replaced_handler_keeps_the_number()
    {
        HypercallFunction foo = new BitVisorClient(_fake.On("foo", call => call.Rax = 1)).GetFunction("foo");
        _ = _fake.On("foo", call => call.Rax = 2);

        Assert.Equal(2ul, foo.Call().Rax);
    }

    [Fact]
    public void A_handler_that_sets_nothing_leaves_every_register_and_the_number_in_RAX()
    {
        _ = _fake.On("nothing", _ => { });
        HypercallRegisters registers = Numbered(1000);
        registers.Rax = 4;
        HypercallRegisters expected = registers;

        _fake.Channel.Invoke(ref registers);

        Assert.Equal(expected, registers);
    }

    [Fact]
    public void A_handler_sees_and_writes_each_of_the_15_registers_by_its_name()
    {
        HypercallRegisters seen = default;
        _ = _fake.On("all", call =>
        {
            seen = new HypercallRegisters
            {
                Rax = call.Rax, Rbx = call.Rbx, Rcx = call.Rcx, Rdx = call.Rdx, Rsi = call.Rsi, Rdi = call.Rdi, Rbp = call.Rbp,
                R8 = call.R8, R9 = call.R9, R10 = call.R10, R11 = call.R11, R12 = call.R12, R13 = call.R13, R14 = call.R14, R15 = call.R15,
            };
            call.Rax += 50;
            call.Rbx += 50;
            call.Rcx += 50;
            call.Rdx += 50;
            call.Rsi += 50;
            call.Rdi += 50;
            call.Rbp += 50;
            call.R8 += 50;
            call.R9 += 50;
            call.R10 += 50;
            call.R11 += 50;
            call.R12 += 50;
            call.R13 += 50;
            call.R14 += 50;
            call.R15 += 50;
        });
        HypercallRegisters registers = Numbered(4); // RAX is the first: it is 4, the function's number
        HypercallRegisters expected = registers;

        _fake.Channel.Invoke(ref registers);

        Assert.Equal(expected, seen);
        Assert.Equal(Numbered(54), registers);
    }

    [Fact]
    public void A_handler_knows_which_function_it_is()
    {
        string? name = null;
        ulong number = 0;
        _ = _fake.On("foo", call => (name, number) = (call.Name, call.Number));

        _ = new BitVisorClient(_fake).GetFunction("foo").Call();

        Assert.Equal(("foo", 4ul), (name, number));
    }

    [Fact]
    public void An_exception_of_a_handler_reaches_the_test_and_the_registers_stay()
    {
        _ = _fake.On("broken", call =>
        {
            call.Rbx = 99;
            throw new FormatException("a bug of the test");
        });
        HypercallRegisters registers = Numbered(4);
        HypercallRegisters expected = registers;

        _ = Assert.Throws<FormatException>(() => _fake.Channel.TryInvoke(ref registers));

        Assert.Equal(expected, registers);
    }

    [Theory]
    [InlineData("")]
    [InlineData("with\0nul")]
    [InlineData("get_vmmcall_number")]
    public void A_name_that_is_none_is_refused(string name)
    {
        _ = Assert.Throws<ArgumentException>(() => _fake.On(name, _ => { }));
        _ = Assert.Throws<ArgumentException>(() => _fake.Remove(name));
    }

    [Fact]
    public void A_name_with_half_of_a_surrogate_pair_is_refused() =>
        Assert.Throws<ArgumentException>(() => _fake.On("half \ud800 pair", _ => { }));

    [Fact]
    public void A_name_of_256_bytes_is_refused() => Assert.Throws<ArgumentException>(() => _fake.On(new string('é', 128), _ => { }));

    [Fact]
    public void Calls_are_counted_and_look_ups_are_calls()
    {
        HypercallFunction foo = new BitVisorClient(_fake.On("foo", _ => { })).GetFunction("foo");
        long before = _fake.Calls;

        _ = foo.Call();
        _ = foo.Call();

        Assert.Equal((1L, 3L), (before, _fake.Calls));
    }

    [Fact]
    public void Presence_is_detected()
    {
        Assert.True(new BitVisorClient(_fake).DetectPresence().IsPresent);
        Assert.Equal(VmmPresence.Absent, new BitVisorClient(new FakeMachine().Remove("boot")).DetectPresence().Presence);
    }

    [Theory]
    [InlineData(1, VmmLookupOutcome.Found)]
    [InlineData(2, VmmLookupOutcome.Found)]
    [InlineData(3, VmmLookupOutcome.NotFound)]
    public void A_locked_name_page_that_is_absent_for_some_walks_is_found_as_long_as_the_client_asks_again(int walks, VmmLookupOutcome outcome)
    {
        _fake.Memory.CanPin = false;
        _fake.Memory.Allocated = buffer => _fake.Memory.MigratePage(buffer, 0, walks);

        Assert.Equal(outcome, new BitVisorClient(_fake).TryGetFunction("boot").Outcome);
    }

    private static HypercallRegisters Numbered(ulong first)
    {
        HypercallRegisters registers = default;
        foreach (GeneralRegister register in HypercallRegisters.All)
        {
            registers[register] = first++;
        }

        return registers;
    }

    private GuestBuffer Place(ReadOnlySpan<byte> bytes, int offset = 0, Residency residency = Residency.Pinned, int pages = 1)
    {
        GuestBuffer buffer = _fake.Memory.Allocate(Math.Max(offset + bytes.Length, ((pages - 1) * GuestPage.Size) + 1), residency);
        bytes.CopyTo(buffer.Span[offset..]);
        return buffer;
    }

    private ulong LookUp(ReadOnlySpan<byte> name)
    {
        using GuestBuffer buffer = Place(name);
        return LookUpAt(buffer.Address.Value);
    }

    private ulong LookUpAt(ulong address)
    {
        HypercallRegisters registers = new() { Rax = 0, Rbx = address };
        _fake.Channel.Invoke(ref registers);
        return registers.Rax;
    }
}
