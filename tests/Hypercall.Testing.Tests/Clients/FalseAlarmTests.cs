using System.Globalization;

namespace Hypercall.Testing.Tests.Clients;

/// <summary>
/// The fake machine does not cry wolf: the library's own clients get through any case, and the cases are worth something. A large
/// run:
/// <code>
/// HYPERCALL_CASES=100000 ./test --filter 'FullyQualifiedName~FalseAlarm'
/// </code>
/// </summary>
public sealed class FalseAlarmTests(ITestOutputHelper output)
{
    private const string Transferred = "a transfer moved all its bytes";
    private const int UsualCases = 3_000;

    [Fact]
    public void A_program_that_handles_its_errors_is_never_accused()
    {
        int cases = int.Parse(Environment.GetEnvironmentVariable("HYPERCALL_CASES") ?? $"{UsualCases}", CultureInfo.InvariantCulture);
        long begun = 0;
        long completed = 0;
        VmmCheckResult result = VmmCheck.TryRun(
            (machine, what) =>
            {
                FaithfulClient client = FaithfulClient.On(machine);
                client.Run(what);
                begun += client.Begun;
                completed += client.Completed;
                if (client.Begun > 0 && client.Completed == client.Begun)
                {
                    VmmCheck.Classify("every transfer moved all its bytes");
                }

                if (client.Completed > 0)
                {
                    VmmCheck.Classify(Transferred);
                }
            },
            new VmmCheckOptions { Seed = 1, MaxTest = cases, StartSize = 20 });

        output.WriteLine(result.ToString());
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{completed} of {begun} transfers moved all their bytes."));
        Assert.True(result.Passed, result.Failure?.Message);
        Assert.True(completed >= begun * 3 / 10, "Hardly anything was transferred: the run shows nothing.");
        Assert.True(result.Labels[Transferred] >= cases * 3 / 10, "Hardly anything was transferred: the run shows nothing.");
        Assert.Equal(Enum.GetValues<FakeFaultKind>().Length, result.FaultOccurrences.Count);
        Assert.All(result.FaultOccurrences, kind => Assert.True(kind.AfterEntry * 100 >= cases, $"{kind.Kind} occurred only {kind.AfterEntry} times after the first call."));
    }
}
