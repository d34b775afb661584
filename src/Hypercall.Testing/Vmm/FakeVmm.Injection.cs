namespace Hypercall.Testing;

public sealed partial class FakeVmm
{
    private const int MostInjections = 1 << 16;

    /// <summary>A test's oracle found that the program reported success, and the data did not arrive: ends the run.</summary>
    /// <param name="message">What did not arrive.</param>
    /// <exception cref="DataLostException">Always.</exception>
    public void ReportDataLost(string message) => throw new DataLostException(message, Options.Record ? Story : null);

    private HypercallRegisters RunAgainWhileInjected(FakeFunctions.Function function, in HypercallRegisters registers)
    {
        for (int run = 0; ; run++)
        {
            FakeCall call = new(function.Name, registers.Rax, in registers, Memory);
            function.Handler(call);
            if (call.InjectedAt is not { } address || run == MostInjections || !Memory.BringIn(address))
            {
                return call.Registers;
            }
        }
    }
}
