namespace Hypercall.Tests.Functions;

public class HypercallFunctionTests
{
    [Fact]
    public void A_call_carries_number_constants_and_words_by_its_convention()
    {
        EchoChannel channel = new();
        HypercallFunction function = new(channel, HypercallConvention.Vmware, 0x1e, "message");
        HypercallResult result = function.Call(1, 2, 3, 4, 5);
        Assert.Equal(HypercallConvention.Vmware.CreateFrame(0x1e, 1, 2, 3, 4, 5), result.Registers);
        Assert.Equal((0x1eul, HypercallConvention.Vmware, 0x564D5868ul), (result.Number, result.Convention, result.Value));
        Assert.Equal(("message (30)", "VMware 30"), (function.ToString(), new HypercallFunction(channel, HypercallConvention.Vmware, 30).ToString()));
    }

    [Fact]
    public void A_whole_frame_keeps_what_is_not_the_number_or_a_constant()
    {
        EchoChannel channel = new();
        HypercallFunction function = new(channel, HypercallConvention.VmwarePort, 10);
        HypercallRegisters registers = new() { Rax = 9, Rcx = 0xffff_ffff, Rdx = 0xabcd_0000, R15 = 7 };
        function.Call(ref registers);
        Assert.Equal(new HypercallRegisters { Rax = 0x564D5868, Rcx = 0xffff_000a, Rdx = 0xabcd_5658, R15 = 7 }, registers);
    }

    [Fact]
    public void A_call_allocates_nothing()
    {
        foreach (HypercallConvention convention in HypercallConvention.All)
        {
            HypercallFunction function = new(new EchoChannel(), convention, 1);
            long before = 0;
            for (int i = 0; i < 1100; i++)
            {
                if (i == 100) // the code is as it stays
                {
                    before = GC.GetAllocatedBytesForCurrentThread();
                }

                _ = function.Call(2);
                _ = function.TryCall(out _, 2);
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated == 0, $"{convention}: {allocated} bytes.");
        }
    }

    [Fact]
    public void A_number_that_does_not_fit_is_refused_when_the_function_is_made() =>
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => new HypercallFunction(new EchoChannel(), HypercallConvention.HyperV, 0x10008));

    [Fact]
    public void A_convention_that_the_channel_does_not_carry_is_refused_when_the_function_is_made()
    {
        EchoChannel privcmd = new()
        {
            Carries = RegisterSet.Of(GeneralRegister.Rax, GeneralRegister.Rdi, GeneralRegister.Rsi, GeneralRegister.Rdx, GeneralRegister.R10, GeneralRegister.R8),
            Returns = RegisterSet.Of(GeneralRegister.Rax),
        };
        Assert.Equal(17ul, new HypercallFunction(privcmd, HypercallConvention.Xen, 17).Call(0).Value);
        ArgumentException e = Assert.Throws<ArgumentException>(() => new HypercallFunction(privcmd, HypercallConvention.Kvm, 5));
        Assert.Contains("'KVM' needs RBX, and this channel does not carry it into the VMM; it carries RAX, RDX, RSI, RDI, R8, R10.", e.Message, StringComparison.Ordinal);
        HypercallConvention elsewhere = new("elsewhere", GeneralRegister.Rax, [], result: GeneralRegister.Rdx);
        e = Assert.Throws<ArgumentException>(() => new HypercallFunction(privcmd, elsewhere, 5));
        Assert.Contains("answers in RDX, and this channel does not bring it back; it brings RAX.", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_set_of_registers_holds_what_it_was_given()
    {
        Assert.Equal(RegisterSet.All, RegisterSet.Of(HypercallRegisters.All));
        Assert.Equal("none", RegisterSet.Of().ToString());
        Assert.Equal("RCX, R15", RegisterSet.Of(GeneralRegister.R15, GeneralRegister.Rcx).ToString());
        Assert.True(default(RegisterSet).Contains(GeneralRegister.R9));
        Assert.False(RegisterSet.Of(GeneralRegister.Rax).Contains(GeneralRegister.Rcx));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => RegisterSet.Of((GeneralRegister)4));
    }

    [Theory]
    [InlineData(0, 100, null)]
    [InlineData(100, 100, null)]
    [InlineData(101, 0, "RCX = 0x65 (101) is no number of bytes: the call was given 100.")]
    public void Bytes_in_a_register_are_bytes_of_the_call(ulong rcx, long expected, string? failure)
    {
        TransferAnswer answer = TransferRule.BytesIn(GeneralRegister.Rcx).Judge(new HypercallRegisters { Rcx = rcx }, 100);
        Assert.Equal((failure is null ? (long)rcx : expected, failure), (answer.BytesDone, answer.Failure));
    }

    [Fact]
    public void Zero_means_all_and_anything_else_failure()
    {
        Assert.Equal((100L, null), Answer(TransferRule.ZeroMeansAll, 0));
        Assert.Equal((0L, "it returned RAX = 0xffffffffffffffff (-1)."), Answer(TransferRule.ZeroMeansAll, ulong.MaxValue));
        Assert.Equal((100L, null), Answer(TransferRule.CompletedMeansAll, ulong.MaxValue));

        static (long, string?) Answer(TransferRule rule, ulong rax)
        {
            TransferAnswer answer = rule.Judge(new HypercallRegisters { Rax = rax }, 100);
            return (answer.BytesDone, answer.Failure);
        }
    }

    private sealed class EchoChannel : IHypercallChannel, IHypercallMachine
    {
        public ICpuid Cpuid => throw new NotSupportedException();

        public HypercallTarget Target => throw new NotSupportedException();

        public IHypercallChannel Channel => this;

        public IGuestMemory Memory { get; } = new Hypercall.Tests.Passing.ModelMachine();

        public RegisterSet Carries { get; init; }

        public RegisterSet Returns { get; init; }

        public HypercallStatus TryInvoke(ref HypercallRegisters registers) => HypercallStatus.Completed;
    }
}
