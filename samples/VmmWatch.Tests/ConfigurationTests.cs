using Hypercall;
using Hypercall.BitVisor;
using Hypercall.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace VmmWatch.Tests;

/// <summary>Settings, and the machine that they choose.</summary>
public class ConfigurationTests
{
    [Theory]
    [InlineData("Vmm:Period=5", "Vmm:Period is 5.00:00:00; it lies between 00:00:00.0100000 and 01:00:00. Five seconds are 00:00:05.")]
    [InlineData("Vmm:Period=00:00:00.001", "Vmm:Period is 00:00:00.0010000")]
    [InlineData("Vmm:SlowAfter=00:00:00", "Vmm:SlowAfter is 00:00:00; it lies between 00:00:00.0010000 and 01:00:00.")]
    [InlineData("Vmm:HungAfter=00:00:00.5", "Vmm:HungAfter is 00:00:00.5000000; it lies between 00:00:01 and 01:00:00.")]
    [InlineData("Vmm:UnhealthyAfter=0", "Vmm:UnhealthyAfter is 0; it is 1 or more.")]
    [InlineData("Vmm:Machine=2", "Vmm:Machine is 2; it is fake or real.")]
    [InlineData("Vmm:Function=", "Vmm:Function is ''; it is a name of 1 to 255 bytes")]
    [InlineData("Vmm:HealthFile=/no/such/folder/health", "it names a file in a folder that is there.")]
    [InlineData("Vmm:HealthFile=", "it names a file in a folder that is there.")]
    public async Task A_setting_that_cannot_be_is_refused_at_start_by_name(string setting, string message)
    {
        await using TestWatch watch = new(vmm: null, setting);
        OptionsValidationException refused = await Assert.ThrowsAsync<OptionsValidationException>(watch.StartOnlyAsync);
        Assert.Contains(message, Assert.Single(refused.Failures), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Vmm:Period=soon", "soon")]
    [InlineData("Vmm:Machine=both", "both")]
    [InlineData("Vmm:Periode=00:00:01", "Periode")]
    public async Task What_is_no_setting_or_no_value_is_refused_at_start(string setting, string what)
    {
        await using TestWatch watch = new(vmm: null, setting);
        InvalidOperationException refused = await Assert.ThrowsAsync<InvalidOperationException>(watch.StartOnlyAsync);
        Assert.Contains(what, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_that_is_too_long_and_a_sixth_argument_are_refused_together()
    {
        await using TestWatch watch = new(vmm: null, [$"Vmm:Function={new string('x', 256)}", .. Enumerable.Range(0, 6).Select(i => $"Vmm:Arguments:{i}=1")]);
        OptionsValidationException refused = await Assert.ThrowsAsync<OptionsValidationException>(watch.StartOnlyAsync);
        Assert.Equal(2, refused.Failures.Count());
    }

    [Fact]
    public async Task Every_setting_arrives()
    {
        await using TestWatch watch = new(
            vmm: null, "Vmm:Machine=REAL", "Vmm:Function=f", "Vmm:Arguments:0=7", "Vmm:Period=00:00:02", "Vmm:SlowAfter=00:00:03", "Vmm:HungAfter=00:00:04", "Vmm:UnhealthyAfter=5", "Vmm:HealthFile=health");
        WatchOptions options = watch.Services.GetRequiredService<IOptions<WatchOptions>>().Value;
        Assert.Equal(WatchedMachine.Real, options.Machine);
        Assert.Equal("f", options.Function);
        Assert.Equal([7ul], options.Arguments);
        Assert.Equal([2.0, 3, 4], new[] { options.Period, options.SlowAfter, options.HungAfter }.Select(time => time.TotalSeconds));
        Assert.Equal(5, options.UnhealthyAfter);
        Assert.Equal("health", options.HealthFile);
    }

    [Fact]
    public async Task The_librarys_settings_arrive()
    {
        await using TestWatch watch = new(vmm: null, "Hypercall:TryOtherInstruction=true", "Hypercall:Provider=amd");
        HypercallOptions options = watch.Services.GetRequiredService<IOptions<HypercallOptions>>().Value;
        Assert.Equal((true, "amd"), (options.TryOtherInstruction, options.Provider));
        Assert.Equal("VMMCALL", watch.Services.GetRequiredService<HypercallTarget>().Way);
    }

    [Fact]
    public async Task Only_the_configuration_decides_between_the_fake_machine_and_the_real_one()
    {
        await using TestWatch fake = new(vmm: null);
        await using TestWatch real = new(vmm: null, "Vmm:Machine=real");
        await using TestWatch number = new(vmm: null, "Vmm:Machine=1"); // which the binder takes for Real
        Assert.NotNull(fake.Services.GetService<FakeMachine>());
        Assert.Null(real.Services.GetService<FakeMachine>());
        Assert.Null(number.Services.GetService<FakeMachine>());
        Assert.Equal(["AMD", "Intel"], real.Services.GetServices<IHypercallProvider>().Select(provider => provider.Name).Order(StringComparer.Ordinal));
        Assert.Equal(2, fake.Services.GetServices<IHypercallProvider>().Count());
    }

    /// <summary>What a test of any program does: the application's own registration, and a fake machine on top.</summary>
    [Fact]
    public async Task A_fake_of_the_tests_wins_over_the_machine_that_is_configured()
    {
        FakeMachine mine = new FakeMachine().On("exits", call => call.Rax = 4711);
        await using TestWatch watch = new(mine, "Vmm:Machine=real");
        await watch.StartAsync();
        Assert.Equal(4711ul, watch.Snapshot.LastValue);
        Assert.True(mine.Calls > 0);
    }

    [Fact]
    public void The_restless_VMM_refuses_once_and_faults_three_times_in_twenty_calls()
    {
        FakeMachine fake = new();
        new RestlessVmm().AddTo(fake, "exits");
        HypercallFunction exits = new BitVisorClient(fake).GetFunction("exits");
        string seen = string.Concat(Enumerable.Range(0, 40).Select(_ =>
            !exits.TryCall(out HypercallResult result).IsCompleted ? '#' : result.NumberCameBack ? '-' : '.'));
        Assert.Equal(string.Concat(Enumerable.Repeat("..........-....###..", 2)), seen);
    }

    [Theory]
    [InlineData("--machine=real", "'--machine=real' is no setting")]
    [InlineData("real", "'real' is no setting")]
    [InlineData("--Vmm:Machine real", "'--Vmm:Machine' is no setting")]
    [InlineData("--json", "--json goes with --once.")]
    public void A_word_that_nobody_would_ask_for_is_refused(string commandLine, string message)
    {
        Assert.False(WatchArguments.TryParse(commandLine.Split(' '), out _, out string? problem));
        Assert.StartsWith(message, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void The_help_names_every_setting()
    {
        foreach (string setting in typeof(WatchOptions).GetProperties().Select(property => property.Name))
        {
            Assert.Contains($"--Vmm:{setting}", WatchArguments.Usage, StringComparison.Ordinal);
        }
    }
}
