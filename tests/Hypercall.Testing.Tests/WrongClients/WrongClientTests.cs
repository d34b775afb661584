namespace Hypercall.Testing.Tests.WrongClients;

/// <summary>The fake machine finds every mistake, soon, and tells it in a trace that is as small as the mistake allows.</summary>
public sealed class WrongClientTests(ITestOutputHelper output)
{
    private const int Seeds = 20;
    private const int MostCases = 1000;
    private const int FewShrinks = 300;      // of a case of 2 MiB
    private const int ManyShrinks = 5000;
    private const long StepBudget = 20_000; // a hang is found after so many steps: enough for any client that does not

    public static TheoryData<string> Mistakes => [.. typeof(WrongClient).Assembly.GetTypes()
        .Where(type => type.IsSubclassOf(typeof(WrongClient)))
        .Select(type => type.Name)
        .Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void The_machine_catches(string mistake)
    {
        WrongClient client = (WrongClient)Activator.CreateInstance(typeof(WrongClient).Assembly.GetType($"{typeof(WrongClient).Namespace}.{mistake}")!)!;
        int most = 0;
        VmmCheckFailedException? told = null;
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            VmmCheckResult result = VmmCheck.TryRun(
                (machine, what) => Run(client, machine, what),
                new VmmCheckOptions { Seed = seed, MaxTest = MostCases, StartSize = client.StartSize, MaxShrinks = client.MaxPages > 64 ? FewShrinks : ManyShrinks, Size = new FakeCaseSize { MaxPages = client.MaxPages, StepBudget = StepBudget } });

            Assert.False(result.Passed, $"Seed {seed}: {MostCases} cases, and the mistake was not found.");
            told = result.Failure!;
            FakeCase smallest = told.Case;
            int pages = smallest.Buffers.Sum(buffer => (buffer.Offset + buffer.Length + GuestPage.Size - 1) / GuestPage.Size);
            Assert.True(pages <= client.Smallest.Pages && smallest.Machine.Plan.Count <= client.Smallest.Faults && smallest.Calls.Count <= client.Smallest.Calls,
                $"Seed {seed}: {pages} pages, {smallest.Machine.Plan.Count} faults, {smallest.Calls.Count} calls. {told.Message}");
            most = Math.Max(most, result.Cases);
        }

        output.WriteLine($"Found with {Seeds} seeds, within {most} cases. The last one:");
        output.WriteLine(told!.Message);
    }

    [Fact]
    public void There_are_thirteen_of_them() => Assert.Equal(13, Mistakes.Count);

    private static void Run(WrongClient client, FakeMachine machine, FakeCase what)
    {
        FakeExchange exchange = FakeExchange.AddTo(machine, "data");
        foreach (FakeCallShape call in what.Calls)
        {
            if (call.Buffer < what.Buffers.Count)
            {
                client.Transfer(machine, exchange, what.Buffers[call.Buffer], call.Direction);
                exchange.Reset();
            }
        }
    }
}
