using System.Diagnostics;
using System.Globalization;

namespace Hypercall.Native.Tests.Memory;

/// <summary>Swap space in compressed memory, for as long as a test runs.</summary>
internal sealed class SwapSpace : IDisposable
{
    private readonly string? _zram;
    private readonly string _path;

    private SwapSpace(string path, string? zram)
    {
        _path = path;
        _zram = zram;
    }

    public static SwapSpace Open()
    {
        const string Control = "/sys/class/zram-control/hot_add";
        Assert.SkipUnless(File.Exists(Control), "needs zram (modprobe zram) for swap space of its own");
        string number = File.ReadAllText(Control).Trim();
        SwapSpace swap = new($"/dev/zram{number}", number);
        try
        {
            File.WriteAllText($"/sys/block/zram{number}/disksize", (256 << 20).ToString(CultureInfo.InvariantCulture));
            Run("mkswap", swap._path);
            Run("swapon", "--priority", "32767", swap._path);
            return swap;
        }
        catch
        {
            swap.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (File.ReadAllText("/proc/swaps").Contains(_path + " ", StringComparison.Ordinal))
        {
            Run("swapoff", _path);
        }

        File.WriteAllText("/sys/class/zram-control/hot_remove", _zram);
    }

    private static void Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program}: {error}");
    }
}
