using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Hypercall.Cli.Tests;

/// <summary>
/// samples/containers/pinning.json, the seccomp profile of docs/ways-down.md: what it allows, and what the tool can do under the
/// filter that it describes.
/// </summary>
public sealed class SeccompProfileTests : IDisposable
{
    // What leads out of a container, or to other programs of its host. Docker's table of blocked system calls has most of them.
    private static readonly string[] Dangerous =
    [
        "acct", "add_key", "bpf", "clock_settime", "create_module", "delete_module", "finit_module", "fsconfig",
        "fsmount", "fsopen", "init_module", "io_uring_enter", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load",
        "keyctl", "mbind", "modify_ldt", "mount", "move_mount", "move_pages", "migrate_pages", "nfsservctl",
        "open_by_handle_at", "open_tree", "perf_event_open", "personality", "pidfd_getfd", "pivot_root",
        "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace", "quotactl", "reboot", "request_key",
        "sethostname", "setns", "settimeofday", "swapoff", "swapon", "syslog", "umount2", "unshare", "userfaultfd",
        "vmsplice",
    ];

    private static readonly string[] Pinning = ["io_uring_setup", "io_uring_register"];

    private readonly string _folder = Directory.CreateTempSubdirectory("hypercall-seccomp-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void It_names_each_call_once_allows_pinning_and_nothing_that_leads_out()
    {
        JsonElement profile = Profile();
        Assert.Equal("SCMP_ACT_ERRNO", profile.GetProperty("defaultAction").GetString());
        JsonElement architecture = profile.GetProperty("archMap").EnumerateArray().Single();
        Assert.Equal("SCMP_ARCH_X86_64", architecture.GetProperty("architecture").GetString());
        string[] allowed = [.. Rules(profile).Where(rule => rule.IsAllowed).SelectMany(rule => rule.Names)];
        Assert.Equal(allowed.Distinct(), allowed);
        Assert.Empty(Pinning.Except(allowed));
        Assert.Empty(allowed.Intersect(Dangerous));
        Assert.Equal(["clone3"], Rules(profile).Where(rule => !rule.IsAllowed).SelectMany(rule => rule.Names));
    }

    [Fact]
    public async Task Under_it_a_program_without_root_pins()
    {
        ProcessRun run = await RunAsync(without: []);
        JsonElement pinned = JsonDocument.Parse(run.Out).RootElement.GetProperty("pinned");
        Assert.True(pinned.GetProperty("got").GetString() == "pinned", run.Out + run.Error);
        Assert.Equal("io_uring", pinned.GetProperty("mechanism").GetString());
    }

    [Fact]
    public async Task Without_its_two_calls_for_pinning_there_is_none()
    {
        foreach (string call in Pinning)
        {
            ProcessRun run = await RunAsync(without: [call]);
            JsonElement pinned = JsonDocument.Parse(run.Out).RootElement.GetProperty("pinned");
            Assert.NotEqual("pinned", pinned.GetProperty("got").GetString());
            Assert.Contains(call, pinned.GetProperty("missing").GetString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Under_it_no_program_gets_a_namespace_of_its_own()
    {
        string filter = BuildFilter(without: []);
        ProcessRun run = await ProcessRun.OfAsync(filter, LastResort.Bound, "unshare", "--user", "true");
        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains("Operation not permitted", run.Error, StringComparison.Ordinal);

        // Processes it gets.
        Assert.Equal(0, (await ProcessRun.OfAsync(filter, LastResort.Bound, "sh", "-c", "true | true")).ExitCode);
    }

    [Fact]
    public void The_pod_names_it()
    {
        string pod = File.ReadAllText(Checkout.Full("samples", "containers", "pod.yaml"));
        Assert.Contains("localhostProfile: hypercall/pinning.json", pod, StringComparison.Ordinal);
    }

    private static JsonElement Profile() =>
        JsonDocument.Parse(File.ReadAllText(Checkout.Full("samples", "containers", "pinning.json"))).RootElement;

    private static IEnumerable<Rule> Rules(JsonElement profile) =>
        profile.GetProperty("syscalls").EnumerateArray().Select(rule => new Rule(
            [.. rule.GetProperty("names").EnumerateArray().Select(name => name.GetString()!)],
            rule.GetProperty("action").GetString() == "SCMP_ACT_ALLOW",
            rule.TryGetProperty("errnoRet", out JsonElement errno) ? errno.GetInt32() : 1,
            rule.TryGetProperty("args", out JsonElement args) ? args.EnumerateArray().Single() : null));

    private async Task<ProcessRun> RunAsync(string[] without)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "Only root becomes nobody.");
        Assert.SkipUnless(await ProcessRun.CanAsync("setpriv", "--version"), "There is no setpriv (util-linux).");
        string[] asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        Assert.SkipUnless(
            await ProcessRun.CanAsync("setpriv", [.. asNobody, .. Tool.CommandLine, "--version"]),
            "Nobody may not run the tool where it lies.");
        string[] tool = [.. Tool.CommandLine, "memory", "--residency", "pinned", "--size", "64KiB", "--json"];
        ProcessRun free = await ProcessRun.OfAsync("setpriv", LastResort.Bound, [.. asNobody, .. tool]);
        JsonElement pinned = JsonDocument.Parse(free.Out).RootElement.GetProperty("pinned");
        Assert.SkipWhen(
            pinned.GetProperty("got").GetString() != "pinned",
            "Nobody pins nothing here without a filter, either: io_uring or RLIMIT_MEMLOCK.");
        return await ProcessRun.OfAsync(BuildFilter(without), LastResort.Bound, ["setpriv", .. asNobody, .. tool]);
    }

    /// <summary>Builds a program that runs another one under the profile's filter.</summary>
    private string BuildFilter(string[] without)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "seccomp is Linux's.");
        string source = Path.Combine(_folder, "filter.c");
        string program = Path.Combine(_folder, $"filter{without.Length}{string.Concat(without)}");
        File.WriteAllText(source, Source(Rules(Profile()), without));
        try
        {
            ProcessStartInfo start = new("gcc", ["-Wall", "-Werror", "-o", program, source]) { RedirectStandardError = true };
            using Process gcc = Process.Start(start)!;
            string errors = gcc.StandardError.ReadToEnd();
            gcc.WaitForExit();
            Assert.True(gcc.ExitCode == 0, errors);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("needs gcc");
        }

        return program;
    }

    // seccomp(2). The argument is compared in its lower half: no flag is above it.
    private static string Source(IEnumerable<Rule> rules, string[] without)
    {
        StringBuilder lines = new();
        foreach (Rule rule in rules)
        {
            string action = rule.IsAllowed ? "SECCOMP_RET_ALLOW" : $"SECCOMP_RET_ERRNO | {rule.Errno}";
            foreach (string name in rule.Names.Except(without))
            {
                if (rule.Argument is not { } argument)
                {
                    lines.AppendLine($"IF(__NR_{name}, 1) RETURN({action})");
                    continue;
                }

                ulong value = argument.GetProperty("value").GetUInt64();
                string condition = argument.GetProperty("op").GetString() switch
                {
                    "SCMP_CMP_MASKED_EQ" => $"AND({value}) IF({argument.GetProperty("valueTwo").GetUInt64()}, 1)",
                    "SCMP_CMP_NE" => $"AND(0xffffffff) UNLESS({value})",
                    var other => throw new InvalidDataException($"The test does not know {other}."),
                };
                int index = argument.GetProperty("index").GetInt32();
                lines.AppendLine($"IF(__NR_{name}, 5) ARGUMENT({index}) {condition} RETURN({action}) NUMBER");
            }
        }

        return $$"""
            #include <linux/audit.h>
            #include <linux/filter.h>
            #include <linux/seccomp.h>
            #include <stddef.h>
            #include <stdio.h>
            #include <sys/prctl.h>
            #include <sys/syscall.h>
            #include <unistd.h>
            #define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field)),
            #define NUMBER LOAD(nr)
            #define ARGUMENT(index) LOAD(args[index])
            #define AND(value) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, value),
            #define IF(value, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, otherwise),
            #define UNLESS(value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0),
            #define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action),
            static struct sock_filter lines[] = {
                LOAD(arch) IF(AUDIT_ARCH_X86_64, 2) NUMBER BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0), RETURN(SECCOMP_RET_ERRNO | 1)
            {{lines}}
                RETURN(SECCOMP_RET_ERRNO | 1)
            };
            int main(int count, char **words)
            {
                struct sock_fprog filter = { sizeof lines / sizeof *lines, lines };
                if (count < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
                    || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) {
                    perror("filter");
                    return 126;
                }
                execvp(words[1], words + 1);
                perror(words[1]);
                return 127;
            }
            """;
    }

    private sealed record Rule(string[] Names, bool IsAllowed, int Errno, JsonElement? Argument);
}
