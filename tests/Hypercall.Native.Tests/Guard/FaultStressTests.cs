using System.Runtime.Intrinsics.X86;

namespace Hypercall.Native.Tests.Guard;

/// <summary>What could kill a process, in processes of their own: under CoreCLR and as a NativeAOT binary.</summary>
[Collection(PublishedPrograms.Name)]
public sealed class FaultStressTests(PublishedFaultStress published, ITestOutputHelper output)
{
    private const int SigIll = 128 + 4;
    private const int SigSegv = 128 + 11;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Eight_threads_lose_nothing_in_100_000_calls_each_half_of_them_faulting(bool isNative)
    {
        (int exitCode, string text) = Run(isNative, "stress", "--threads", "8", "--calls", "100000");

        Assert.True(exitCode == 0, text);
        Assert.Contains("400000 completed, 200000 #UD, 200000 #GP, 12504 NullReferenceExceptions, 0 wrong", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "ud2", SigIll)]
    [InlineData(false, "null", SigSegv)]
    [InlineData(true, "ud2", SigIll)]
    [InlineData(true, "null", SigSegv)]
    public void A_crash_outside_the_stub_ends_the_process_as_it_does_without_a_guard(bool isNative, string kind, int expected)
    {
        (int guarded, string text) = Run(isNative, "crash", kind);
        (int unguarded, _) = Run(isNative, "crash", kind, "unguarded");

        Assert.StartsWith("dies of a fault", text, StringComparison.Ordinal);
        Assert.Equal((unguarded, expected), (guarded, guarded));
    }

    [Theory]
    [InlineData(false, 4)]
    [InlineData(false, 7)]
    [InlineData(false, 11)]
    [InlineData(true, 4)]
    [InlineData(true, 7)]
    [InlineData(true, 11)]
    public void A_signal_that_was_sent_does_what_it_does_without_a_guard(bool isNative, int signal)
    {
        (int guarded, string text) = Run(isNative, "raised", $"{signal}");
        (int unguarded, string unguardedText) = Run(isNative, "raised", $"{signal}", "unguarded");

        Assert.Equal((unguarded, unguardedText), (guarded, text));
        if (isNative && signal != 11) // the runtime has handlers for the others, and CoreCLR lets the first one pass
        {
            Assert.Equal(128 + signal, guarded);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_bad_frame_pointer_reaches_the_handler_that_was_there_before(bool isNative)
    {
        (int exitCode, string text) = Run(isNative, "badframe");

        Assert.True(exitCode == 42, $"{exitCode} {text}");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_guard_is_back_after_a_PosixSignalRegistration_took_it_away(bool isNative)
    {
        (int exitCode, string text) = Run(isNative, "signalreg");

        Assert.Contains("the guard is back", text, StringComparison.Ordinal);
        Assert.Equal(SigIll, exitCode); // and what is not ours still ends as it should, however often it came back
    }

    [Fact]
    public void Where_memory_may_not_become_executable_a_sealed_file_does()
    {
        (int exitCode, string text) = Run(isNative: true, "mdwe");

        Assert.SkipWhen(exitCode == 3, text);
        Assert.True(exitCode == 0, text);

        // 2 stubs, 3 handlers, and one that reads XCR0 where VectorState asks: with OSXSAVE and AVX, CPUID.1:ECX[27] and [28].
        const int OsXSaveAndAvx = 3 << 27;
        int pages = (X86Base.CpuId(1, 0).Ecx & OsXSaveAndAvx) == OsXSaveAndAvx ? 6 : 5;
        Assert.Contains($"{pages} pages made by memory file, all r-x", text, StringComparison.Ordinal);
    }

    [Fact]
    public void On_Windows_nothing_is_lost_either()
    {
        (int exitCode, string text) = RunOnWindows("stress", "--threads", "8", "--calls", "2500");

        Assert.True(exitCode == 0, text);
        Assert.Contains("10000 completed, 5000 #UD, 5000 #GP, 320 NullReferenceExceptions, 0 wrong", text, StringComparison.Ordinal);
    }

    [Fact]
    public void On_Windows_memory_is_locked_and_passed_by_virtual_address_and_no_other_way()
    {
        (int exitCode, string text) = RunOnWindows("memory");

        Assert.True(exitCode == 0, text);
        Assert.Contains("memory is as it should be", text, StringComparison.Ordinal);
    }

    private (int ExitCode, string Output) RunOnWindows(params string[] arguments)
    {
        string? wine = FaultStressProcess.Find("wine64", "/usr/lib/wine/wine64", "/usr/bin/wine64");
        string? server = FaultStressProcess.Find("wineserver64", "/usr/lib/wine/wineserver64", "wineserver", "/usr/lib/wine/wineserver");
        Assert.SkipWhen(
            wine is null || server is null,
            "No wine64: the Windows build of the stress program cannot run here (apt-get install wine64).");
        Assert.SkipUnless(TestTarget.CanExecute, "wine64 runs x86-64 programs on x86-64.");
        string program = published.Windows;
        Dictionary<string, string> environment = new()
        {
            ["WINEPREFIX"] = Path.Combine(published.Folder, "wine"),
            ["WINEDEBUG"] = "-all",
        };
        try
        {
            if (!Directory.Exists(environment["WINEPREFIX"]))
            {
                // Without Mono and Gecko, which nobody can answer for; but .NET programs want a mscoree when they run.
                _ = FaultStressProcess.Run(wine, ["wineboot", "-i"], LastResort.Bound, new Dictionary<string, string>(environment) { ["WINEDLLOVERRIDES"] = "mscoree,mshtml=" });
            }

            (int exitCode, string text) = FaultStressProcess.Run(wine, [program, .. arguments], LastResort.Bound, environment);
            output.WriteLine(text);
            return (exitCode, text);
        }
        finally
        {
            _ = FaultStressProcess.Run(server, ["-k"], LastResort.Bound, environment); // of this prefix only
        }
    }

    private (int ExitCode, string Output) Run(bool isNative, params string[] arguments)
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && TestTarget.CanExecute, "These modes are about Linux's signals, on x86-64.");
        string[] shell = ["-c", "ulimit -c 0; exec \"$@\"", "sh"]; // a crash on purpose leaves no core behind
        string[] program = isNative ? [published.Native] : ["dotnet", FaultStressProcess.Managed];
        (int exitCode, string text) = FaultStressProcess.Run("/bin/sh", [.. shell, .. program, .. arguments], LastResort.Bound);
        output.WriteLine($"{string.Join(' ', arguments)}: {exitCode}, {text}");
        return (exitCode, text);
    }
}
