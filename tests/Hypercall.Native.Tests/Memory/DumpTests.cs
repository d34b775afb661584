using Hypercall.Native.Tests.Guard;

namespace Hypercall.Native.Tests.Memory;

/// <summary>Which dumps of a dead process hold what was in its buffers, as docs/security.md says.</summary>
public sealed class DumpTests
{
    private static readonly string Probe = Path.Combine(AppContext.BaseDirectory, "Hypercall.Native.MemoryProbe.dll");

    [Theory]
    [InlineData(1, false)] // Mini
    [InlineData(2, true)]  // Heap
    [InlineData(3, false)] // Triage
    [InlineData(4, true)]  // Full
    public void A_dump_of_the_runtime_with_heap_holds_buffers_and_one_without_does_not(int type, bool holds)
    {
        Host.NeedsLinux();
        DirectoryInfo folder = Directory.CreateTempSubdirectory("hypercall-dump-");
        try
        {
            string dump = Path.Combine(folder.FullName, "dump");
            string[] shell = ["-c", "ulimit -c 0; exec \"$@\"", "sh"]; // no core of the kernel's beside it
            (_, string output) = FaultStressProcess.Run("/bin/sh", [.. shell, "dotnet", Probe, "--crash"], LastResort.Bound, new Dictionary<string, string>
            {
                ["DOTNET_DbgEnableMiniDump"] = "1",
                ["DOTNET_DbgMiniDumpType"] = $"{type}",
                ["DOTNET_DbgMiniDumpName"] = dump,
            });
            Assert.SkipUnless(File.Exists(dump), $"createdump wrote no dump here: {output}");
            Assert.Equal(holds, Holds(dump, (byte)'B'));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_core_that_the_kernel_wrote_holds_the_programs_memory_and_no_buffer()
    {
        Host.NeedsLinux();
        string pattern = File.ReadAllText("/proc/sys/kernel/core_pattern").Trim();
        Assert.SkipWhen(
            pattern.StartsWith('|') || pattern.Contains('/', StringComparison.Ordinal),
            $"the kernel writes cores elsewhere: kernel.core_pattern is {pattern}");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("hypercall-core-");
        try
        {
            _ = FaultStressProcess.Run("/bin/sh", ["-c", $"cd {folder.FullName} && ulimit -c unlimited && exec dotnet {Probe} --crash"], LastResort.Bound);
            string? core = Directory.EnumerateFiles(folder.FullName).FirstOrDefault();
            Assert.SkipWhen(core is null || new FileInfo(core).Length == 0, "the kernel wrote no core: ulimit -c");
            Assert.True(Holds(core, (byte)'H'), "The core is not one of the program's memory.");
            Assert.False(Holds(core, (byte)'B'), "The core holds a buffer.");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // As the probe wrote it: MemoryProbe, Crash.cs.
    private static bool Holds(string file, byte of)
    {
        byte[] secret = new byte[32];
        for (int i = 0; i < 16; i++)
        {
            secret[i] = (byte)(of + i);
            secret[16 + i] = (byte)(of ^ (i * 7));
        }

        return File.ReadAllBytes(file).AsSpan().IndexOf(secret) >= 0;
    }
}
