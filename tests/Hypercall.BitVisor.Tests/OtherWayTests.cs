using Hypercall.BitVisor;

namespace Hypercall.Tests.BitVisor;

/// <summary>The same functions by another way, whose convention has number and arguments elsewhere.</summary>
public class OtherWayTests
{
    private const ulong Leaf = 0x4711;

    // CPUID: the number in RAX[31:16]; arguments and result as in no other convention of ours.
    private static readonly HypercallConvention Cpuid = new(
        "by CPUID",
        number: new RegisterField(GeneralRegister.Rax, 16, 16),
        arguments: [GeneralRegister.Rsi, GeneralRegister.R9],
        result: GeneralRegister.Rbx,
        constants: [new(new RegisterField(GeneralRegister.Rax, 0, 16), Leaf)],
        layout: TransferLayout.AddressAndLength);

    [Fact]
    public void A_name_is_looked_up_and_its_function_called_by_that_convention()
    {
        ScriptedMachine machine = ScriptedMachine.Answering();
        machine.OnInvoke = (ref registers) =>
        {
            Assert.Equal(new HypercallRegisters { Rax = Leaf, Rsi = registers.Rsi }, registers);
            Assert.Equal("foo", machine.TextAt(registers.Rsi));
            registers.Rbx = 7;
            return HypercallStatus.Completed;
        };
        BitVisorClient client = new(machine, convention: Cpuid);
        HypercallFunction foo = client.GetFunction("foo");
        Assert.Equal((Cpuid, 7ul, Cpuid), (client.Convention, foo.Number, foo.Convention));

        machine.OnInvoke = (ref registers) =>
        {
            Assert.Equal(new HypercallRegisters { Rax = (7 << 16) | Leaf, Rsi = 1, R9 = 2 }, registers);
            registers.Rbx = 10;
            return HypercallStatus.Completed;
        };
        HypercallResult result = foo.Call(1, 2);
        Assert.Equal((10ul, true), (result.Value, result.NumberCameBack));
    }

    [Fact]
    public void An_answer_that_is_no_number_is_a_foreign_ABI_wherever_it_comes_back()
    {
        ScriptedMachine machine = ScriptedMachine.Answering();
        machine.OnInvoke = (ref registers) =>
        {
            registers.Rbx = BitVisorClient.MaxFunctionNumber + 1;
            return HypercallStatus.Completed;
        };
        Assert.Equal(VmmLookupOutcome.ForeignAbi, new BitVisorClient(machine, convention: Cpuid).TryGetFunction("foo").Outcome);
    }

    [Theory]
    [InlineData(5, false)]
    [InlineData(0, true)]
    public void Status_says_by_its_second_argument_how_much_it_wrote(int length, bool isDisabled)
    {
        ScriptedMachine machine = ScriptedMachine.Answering();
        machine.OnInvoke = (ref registers) =>
        {
            if (registers.Rax == Leaf)
            {
                registers.Rbx = 9; // the look-up
            }
            else if (!isDisabled)
            {
                "hello"u8.CopyTo(machine.BytesAt(registers.Rsi));
                (registers.Rax, registers.Rbx, registers.R9) = (0, 0, (ulong)length);
            }

            return HypercallStatus.Completed;
        };
        VmmStatusReport report = new VmmStatusClient(new BitVisorClient(machine, convention: Cpuid)).TryGetStatus();
        Assert.Equal(isDisabled ? (VmmStatusOutcome.Disabled, null) : (VmmStatusOutcome.Available, "hello"), (report.Outcome, report.Text));
    }

    [Fact]
    public void A_convention_without_an_argument_has_no_place_for_a_name()
    {
        HypercallConvention none = new("none", GeneralRegister.Rax, []);
        ArgumentException error = Assert.Throws<ArgumentException>(() => new BitVisorClient(ScriptedMachine.Answering(), convention: none));
        Assert.Equal("convention", error.ParamName);
    }
}
