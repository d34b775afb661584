using System.Diagnostics;

namespace Hypercall.Docs.Tests;

/// <summary>The table of docs/ways-down.md that rig/detect makes of what <c>hypercall detect --try --json</c> prints.</summary>
public sealed class DetectTableTests : IDisposable
{
    private const string Begin = "<!-- rig/detect -->";
    private const string End = "<!-- end of rig/detect -->";

    private static readonly string[] OfThisMachine = ["host", "qemu-user", "gvisor"];

    private readonly string _logs = Directory.CreateTempSubdirectory("hypercall-detect-").FullName;

    public void Dispose() => Directory.Delete(_logs, recursive: true);

    [Fact]
    public void What_the_tool_prints_becomes_rows_whatever_a_kernel_says_between_its_lines()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "rig/detect is a script for bash.");
        WriteLog("amd-kvm", "kvm");
        WriteLog("amd-xen-dom0", "none");
        (int exitCode, string output, string errors) = Run(Checkout.Full("rig", "detect"), "--print", "--logs", _logs);
        Assert.True(exitCode == 0, errors);
        string[] rows = output.TrimEnd('\n').Split('\n');
        Assert.Equal(4, rows.Length);
        string[] kvm = Cells(rows[2]);
        Assert.Equal(
            ["amd, kvm", "AuthenticAMD, Hypercall Fake Processor", "KVM", "nothing"], kvm[..4]);
        Assert.Contains("AMD: a VMM answers, and does not serve it", kvm[4], StringComparison.Ordinal);
        Assert.Contains("port: needs permission for the port", kvm[4], StringComparison.Ordinal);
        string[] none = Cells(rows[3]);
        Assert.Equal(("amd, xen-dom0", "nobody"), (none[0], none[2]));
        Assert.Contains("AMD: #UD", none[4], StringComparison.Ordinal);
    }

    [Fact]
    public void A_way_that_works_is_told_apart()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "rig/detect is a script for bash.");
        WriteLog("intel-rig", "bitvisor");
        (_, string output, _) = Run(Checkout.Full("rig", "detect"), "--print", "--logs", _logs);
        Assert.Equal("AMD", Cells(output.TrimEnd('\n').Split('\n')[2])[3]);
    }

    [Fact]
    public void A_log_that_breaks_off_is_an_error_and_no_row()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "rig/detect is a script for bash.");
        string whole = WriteLog("amd-kvm", "kvm");
        File.WriteAllText(Path.Combine(_logs, "amd-kvm.log"), whole[..(whole.Length / 2)]);
        (int exitCode, string output, string errors) = Run(Checkout.Full("rig", "detect"), "--print", "--logs", _logs);
        Assert.Equal((3, ""), (exitCode, string.Concat(output.Split('\n').Skip(2))));
        Assert.Contains("amd-kvm.log has no whole answer", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_has_a_row_for_every_machine_and_judge_and_for_what_runs_on_this_one()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "rig/boot is a script for bash.");
        WriteLog("host", "none");
        string header = Run(Checkout.Full("rig", "detect"), "--print", "--logs", _logs).Output.Split('\n')[0];
        string[] lines = File.ReadAllLines(Checkout.Full("docs", "ways-down.md"));
        string[] table = [.. lines.SkipWhile(line => line != Begin).Skip(1).TakeWhile(line => line != End)];
        Assert.Equal(header, table[0]);
        string[] machines =
        [
            .. Run(Checkout.Full("rig", "boot"), "--list").Output.TrimEnd('\n').Split('\n')
                .Select(line => line.Split('\t')[0].Replace(" ", ", ", StringComparison.Ordinal)),
            .. OfThisMachine,
        ];
        Assert.Equal(machines, table[2..].Select(row => Cells(row)[0]));
    }

    private static string[] Cells(string row) => [.. row.Trim('|').Split('|').Select(cell => cell.Trim())];

    private string WriteLog(string machine, string fake)
    {
        string tool = Path.Combine(AppContext.BaseDirectory, "hypercall.dll");
        (_, string json, _) = Run("dotnet", tool, "detect", "--try", "--json", "--fake", fake);
        string[] noise = ["rig: guest 6.1.0, up 2.04 s, 1 CPU(s)", "rig: run hypercall detect --try --json"];
        string[] said =
        [
            .. json.TrimEnd('\n').Split('\n')
                .SelectMany((line, i) => i % 9 == 3 ? [line, "[    2.3] random: crng init done"] : new[] { line }),
        ];
        string log = string.Join('\n', [.. noise, .. said, "rig: ended 0", "rig: done 0", ""]);
        File.WriteAllText(Path.Combine(_logs, machine + ".log"), log);
        return log;
    }

    private static (int ExitCode, string Output, string Errors) Run(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.GetAwaiter().GetResult());
    }
}
