namespace Hypercall.Native.Tests.Guard;

/// <summary>
/// Hosts of many kinds: plug-in hosts, C programs with handlers of their own, sandboxes, parents that block signals. Each is a
/// process of its own.
/// </summary>
[Collection(PublishedPrograms.Name)]
public sealed class HostTests(PublishedFaultStress published, ITestOutputHelper output)
{
    private const int SigIll = 128 + 4;
    private const int TypedError = 3; // of the stress program's mode "call"

    [Fact]
    public void Two_copies_in_one_process_lose_nothing_under_stress()
    {
        (int exitCode, string text) = Run(Managed("copies", "stress", "100000"));

        Assert.True(exitCode == 0, text);
        Assert.Equal(2, Count(text, "4 threads x 100000 calls: 200000 completed, 100000 #UD, 100000 #GP, 6252 NullReferenceExceptions, 0 wrong"));
    }

    [Theory]
    [InlineData("first")]
    [InlineData("last")]
    public void The_guard_of_all_copies_is_back_after_a_PosixSignalRegistration_took_it_away(string askedFirst)
    {
        (int exitCode, string text) = Run(Managed("copies", "registration", askedFirst));

        Assert.True(exitCode == SigIll, $"{exitCode} {text}"); // the crash on purpose at the end
        Assert.Contains("6 pages of handlers and stubs", text, StringComparison.Ordinal); // 2 stubs, 3 handlers, 1 more for what came back
    }

    [Fact]
    public void Copies_outlive_the_one_that_installed_the_guard()
    {
        (int exitCode, string text) = Run(Managed("copies", "outlive"));

        Assert.True(exitCode == 0, $"{exitCode} {text}");
    }

    [Fact]
    public void Copies_that_come_and_go_leave_nothing_behind()
    {
        (int exitCode, string text) = Run(Managed("copies", "reload", "5"));

        Assert.True(exitCode == 0, $"{exitCode} {text}");
        Assert.Contains("0 of 5 contexts alive, 0 pages more", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("first")]
    [InlineData("second")]
    public void Two_runtimes_in_one_process_keep_both_their_guards(string whoseGuardIsFirst)
    {
        (int exitCode, string text) = Run(Managed("beside", published.Library, whoseGuardIsFirst, "20000"));

        Assert.True(exitCode == 0, $"{exitCode} {text}");
        Assert.Equal(2, Count(text, "40000 completed, 20000 #UD, 20000 #GP, 1252 NullReferenceExceptions, 0 wrong"));
    }

    [Theory]
    [InlineData("load LIB calls install insist own")]
    [InlineData("install load LIB calls insist own")]
    [InlineData("load LIB calls blocked bare")]
    [InlineData("load LIB blocked calls")]
    [InlineData("block load LIB calls")]
    [InlineData("install load LIB calls install bare blocked insist")]
    [InlineData("no-peek install load LIB calls install insist own")] // a sandbox in which no guard can look for another
    [InlineData("load LIB calls no-action wait calls")] // a sandbox that begins after the guard was installed
    public void In_a_C_host_each_call_has_a_result(string steps)
    {
        (int exitCode, string text) = Host(steps);

        Assert.True(exitCode == 0, $"{exitCode} {text}");
        Assert.EndsWith("end\n", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("load LIB calls install stress 8 100000")]
    [InlineData("install load LIB calls install stress 8 100000")]
    public void In_a_C_host_that_reinstalls_its_handler_nothing_is_lost_under_stress(string steps)
    {
        (int exitCode, string text) = Host(steps);

        Assert.True(exitCode == 0, $"{exitCode} {text}");
        Assert.Contains("400000 completed, 200000 #UD, 200000 #GP, 12504 NullReferenceExceptions, 0 wrong", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("load LIB calls foreign")]
    [InlineData("load LIB calls install insist foreign")]
    [InlineData("install load LIB calls foreign")]
    [InlineData("install load LIB calls insist foreign")] // the host's handler and ours lead to each other: ours ends it
    public void In_a_C_host_a_fault_of_somebody_else_ends_the_process_as_it_would_without_us(string steps)
    {
        (int exitCode, string text) = Host(steps);

        Assert.True(exitCode == SigIll, $"{exitCode} {text}");
        Assert.DoesNotContain("LOOP", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_process_whose_parent_blocked_the_signals_of_faults_gets_results(bool isNative)
    {
        (int exitCode, string text) = Host(["block", "exec", .. Program(isNative), "stress", "--threads", "4", "--calls", "2000"]);

        Assert.True(exitCode == 0, $"{exitCode} {text}");
        Assert.Contains("4000 completed, 2000 #UD, 2000 #GP, 128 NullReferenceExceptions, 0 wrong", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_thread_that_blocks_all_signals_gets_results(bool isNative)
    {
        (int exitCode, string text) = Run([.. Program(isNative), "blocked"]);

        Assert.True(exitCode == 0, $"{exitCode} {text}");
    }

    [Fact]
    public void Where_signals_may_not_be_unblocked_there_is_a_typed_error_and_no_instruction()
    {
        (_, string text) = Host("load LIB block no-mask calls");

        Assert.Contains("PlatformNotSupportedException: This thread blocks SIGILL, SIGSEGV or SIGBUS", text, StringComparison.Ordinal);
        Assert.Contains("Operation not permitted (EPERM)", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Where_sigaction_is_refused_there_is_a_typed_error_and_no_instruction(bool isNative)
    {
        (int exitCode, string text) = Host(["no-action", "exec", .. Program(isNative), "call"]);

        Assert.True(exitCode == TypedError, $"{exitCode} {text}");
        Assert.Contains("PlatformNotSupportedException: sigaction for SIGILL is refused: Operation not permitted (EPERM)", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sigaction_that_installs_nothing_is_found_out()
    {
        // NativeAOT links to sigaction as a C program does, and meets the interposer; CoreCLR's P/Invoke asks libc itself.
        (int exitCode, string text) = Run([published.Native, "call"], new() { ["LD_PRELOAD"] = published.Host.Deaf, ["DEAF"] = "4" });

        Assert.True(exitCode == TypedError, $"{exitCode} {text}");
        Assert.Contains("sigaction for SIGILL says that it installed the guard, and did not", text, StringComparison.Ordinal);
    }

    [Fact]
    public void AddressSanitizer_that_keeps_SIGILL_for_itself_is_named()
    {
        string? asan = Directory.EnumerateFiles("/usr/lib", "libasan.so.*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true })
            .FirstOrDefault();
        Assert.SkipWhen(asan is null, "No libasan.so on this machine (apt-get install libasan8).");

        (int exitCode, string text) = Run([published.Native, "call"], new() { ["LD_PRELOAD"] = asan, ["ASAN_OPTIONS"] = "handle_sigill=2:detect_leaks=0" });

        Assert.True(exitCode == TypedError, $"{exitCode} {text}");
        Assert.Contains("libasan", text, StringComparison.Ordinal);
        Assert.Contains("handle_sigill=1", text, StringComparison.Ordinal);
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    private static string[] Managed(params string[] arguments)
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && TestTarget.CanExecute, "These hosts are about Linux's signals, on x86-64.");
        return ["dotnet", FaultStressProcess.Managed, .. arguments];
    }

    private string[] Program(bool isNative) => isNative ? [published.Native] : Managed();

    private (int ExitCode, string Output) Host(string steps) =>
        Host([.. steps.Split(' ').Select(step => step == "LIB" ? published.Library : step)]);

    private (int ExitCode, string Output) Host(string[] steps) => Run([published.Host.Program, .. steps]);

    private (int ExitCode, string Output) Run(string[] command, Dictionary<string, string>? environment = null)
    {
        string[] shell = ["-c", "ulimit -c 0; exec \"$@\"", "sh"]; // a crash on purpose leaves no core behind
        string[] set = environment is null ? [] : ["env", .. environment.Select(one => $"{one.Key}={one.Value}")]; // for the program, not for the shell
        (int exitCode, string text) = FaultStressProcess.Run("/bin/sh", [.. shell, .. set, .. command], LastResort.Bound);
        output.WriteLine($"{string.Join(' ', command)}: {exitCode}, {text}");
        return (exitCode, text);
    }
}
