using Microsoft.Extensions.Logging.Abstractions;

namespace Hypercall.Linux.Tests.Xen;

public sealed unsafe class XenPrivcmdChannelTests
{
    private const uint Command = 0x0030_5000; // _IOC(_IOC_NONE, 'P', 0, 48)

    private readonly StubKernel _kernel = new();
    private Func<ulong[], long> _xen = _ => 0;

    public XenPrivcmdChannelTests()
    {
        _kernel.Devices["/dev/xen/privcmd"] = 0;
        _kernel.OnControl = (command, argument) =>
        {
            Assert.Equal(Command, command);
            return _xen(new ReadOnlySpan<ulong>(argument, 6).ToArray());
        };
    }

    [Fact]
    public void Number_and_arguments_go_in_Xens_order_and_the_result_alone_comes_back()
    {
        ulong[] seen = [];
        _xen = call =>
        {
            seen = call;
            return 0x40011;
        };
        HypercallRegisters registers = new()
        {
            Rax = 17, Rdi = 1, Rsi = 2, Rdx = 3, R10 = 4, R8 = 5, Rbx = 6, R9 = 7,
        };
        HypercallRegisters expected = registers;
        expected.Rax = 0x40011;
        Assert.True(Open().TryInvoke(ref registers).IsCompleted);
        Assert.Equal([17ul, 1ul, 2ul, 3ul, 4ul, 5ul], seen);
        Assert.Equal(expected, registers);
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(0x7fff_ffffL)]
    [InlineData(0x1_0000_0000L)]
    [InlineData(-4096L)]
    [InlineData(long.MinValue)]
    public void What_is_no_errno_comes_back_as_it_is(long answer)
    {
        _xen = _ => answer;
        HypercallRegisters registers = new() { Rax = 12 };
        Assert.True(Open().TryInvoke(ref registers).IsCompleted);
        Assert.Equal((ulong)answer, registers.Rax);
    }

    [Theory]
    [InlineData(38)] // ENOSYS
    [InlineData(22)] // EINVAL
    [InlineData(14)] // EFAULT
    [InlineData(3)]  // ESRCH
    [InlineData(1)]  // EPERM
    [InlineData(13)] // EACCES
    [InlineData(9)]  // EBADF
    [InlineData(19)] // ENODEV
    public void An_errno_of_Xens_is_an_answer_where_Xen_tells_its_version(int error)
    {
        _xen = call => call[0] == 17 ? 0x40011 : -error;
        HypercallRegisters registers = new() { Rax = 12 };
        Assert.True(Open().TryInvoke(ref registers).IsCompleted);
        Assert.Equal(-error, (long)registers.Rax);
    }

    [Theory]
    [InlineData(1, "sandbox")]          // EPERM
    [InlineData(13, "security module")] // EACCES
    [InlineData(9, "closed by somebody else")] // EBADF
    [InlineData(19, "ENODEV")]
    [InlineData(38, "ENOSYS")] // of a seccomp filter
    public void An_errno_that_the_version_gets_too_is_the_devices(int error, string reason)
    {
        _xen = _ => -error;
        HypercallRegisters registers = new() { Rax = 12, Rdi = 5 };
        HypercallRegisters before = registers;
        HypercallStatus status = Open().TryInvoke(ref registers);
        Assert.True(status.IsRefused);
        Assert.Equal(error, status.Refusal.ErrorCode);
        Assert.Contains(reason, status.Refusal.Reason, StringComparison.Ordinal);
        Assert.Equal(before, registers);
    }

    [Fact]
    public void ENOTTY_is_never_Xens_and_nothing_else_is_asked()
    {
        int calls = 0;
        _xen = _ =>
        {
            calls++;
            return -25;
        };
        HypercallRegisters registers = new() { Rax = 12 };
        Assert.Contains("not Xen's device", Open().TryInvoke(ref registers).Refusal!.Reason, StringComparison.Ordinal);
        Assert.Equal(1, calls);
    }

    [Fact]
    public void A_device_that_has_answered_is_asked_again_only_where_the_errno_may_be_either_ones()
    {
        List<ulong> numbers = [];
        _xen = call =>
        {
            numbers.Add(call[0]);
            return call[0] switch { 17 => 0x40011, 12 => -38, _ => -1 };
        };
        IHypercallChannel channel = Open();
        foreach (ulong number in (ulong[])[12, 12, 29, 29])
        {
            HypercallRegisters registers = new() { Rax = number };
            Assert.True(channel.TryInvoke(ref registers).IsCompleted);
        }

        Assert.Equal([12ul, 17, 12, 29, 17, 29, 17], numbers);
    }

    [Theory]
    [InlineData(0x1_0000_0011ul, "would call 0x11")]
    [InlineData(ulong.MaxValue, "would call 0xffffffff")]
    public void A_number_that_the_kernel_would_cut_is_refused_before_it_does(ulong number, string reason)
    {
        _xen = _ => throw new InvalidOperationException("It was called.");
        HypercallRegisters registers = new() { Rax = number };
        Assert.Contains(reason, Open().TryInvoke(ref registers).Refusal!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_number_that_the_kernel_itself_refuses_is_no_answer_of_Xens()
    {
        _xen = call => call[0] == 17 ? 0x40011 : -22;
        HypercallRegisters registers = new() { Rax = 128 };
        Assert.Contains("below 128", Open().TryInvoke(ref registers).Refusal!.Reason, StringComparison.Ordinal);
        registers = new() { Rax = 127 };
        Assert.True(Open().TryInvoke(ref registers).IsCompleted);
    }

    [Theory]
    [InlineData(0x40011L)]
    [InlineData(-38L)]
    public void A_call_allocates_nothing(long answer)
    {
        _kernel.Lists = false;
        _kernel.OnControl = (_, argument) => *(ulong*)argument == 17 ? 0x40011 : answer;
        IHypercallChannel channel = Open();
        long before = 0;
        for (int i = 0; i < 1100; i++)
        {
            if (i == 100) // the code is as it stays
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            HypercallRegisters registers = new() { Rax = 12 };
            _ = channel.TryInvoke(ref registers);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    public static TheoryData<string, bool> Conventions => new(HypercallConvention.All.Select(convention => (
        convention.Name, convention == HypercallConvention.Xen)));

    [Theory]
    [MemberData(nameof(Conventions))]
    public void A_convention_that_cannot_be_carried_is_refused_when_the_function_is_made(string name, bool isCarried)
    {
        HypercallConvention convention = HypercallConvention.All.Single(one => one.Name == name);
        foreach (IHypercallChannel channel in (IHypercallChannel[])[Open(), Open().Observe(NullLoggerFactory.Instance)])
        {
            MadeUpMachine machine = new(channel, new XenMemory(_kernel));
            Exception? error = Record.Exception(() => new HypercallFunction(machine, convention, 1));
            Assert.Equal(isCarried, error is null);
            Assert.True(isCarried || error is ArgumentException);
        }
    }

    private IHypercallChannel Open()
    {
        XenPrivcmdProvider provider = new(_kernel);
        HypercallTarget target = new(CpuIdentity.Read(new MadeUpCpuid("AuthenticAMD")), provider);
        return provider.Open(target, NullLoggerFactory.Instance);
    }
}
