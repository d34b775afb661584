using System.Text;
using Hypercall.BitVisor;
using Microsoft.Extensions.Options;

namespace VmmWatch;

/// <summary>Refuses, at start, what could only fail later.</summary>
public sealed class WatchOptionsValidator : IValidateOptions<WatchOptions>
{
    private const int Registers = 5; // RBX, RCX, RDX, RSI, RDI

    private static readonly TimeSpan ShortestPeriod = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan ShortestTime = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, WatchOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        List<string> wrong = [];
        Check(Enum.IsDefined(options.Machine), $"Vmm:Machine is {(int)options.Machine}; it is fake or real.");
        Check(IsName(options.Function), $"Vmm:Function is '{options.Function}'; it is a name of 1 to {BitVisorClient.MaxNameLength} bytes of UTF-8 without NUL.");
        Check(options.Arguments.Count <= Registers, $"Vmm:Arguments has {options.Arguments.Count} words; it has {Registers} at most.");
        CheckTime(nameof(options.Period), options.Period, ShortestPeriod);
        CheckTime(nameof(options.SlowAfter), options.SlowAfter, ShortestTime);
        CheckTime(nameof(options.HungAfter), options.HungAfter, options.SlowAfter);
        Check(options.UnhealthyAfter >= 1, $"Vmm:UnhealthyAfter is {options.UnhealthyAfter}; it is 1 or more.");
        Check(
            options.HealthFile is null || (Path.GetFileName(options.HealthFile).Length > 0 && Directory.Exists(FolderOf(options.HealthFile))),
            $"Vmm:HealthFile is '{options.HealthFile}'; it names a file in a folder that is there.");
        return wrong.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(wrong);

        void Check(bool isRight, string message)
        {
            if (!isRight)
            {
                wrong.Add(message);
            }
        }

        // "5" is five days to .NET, and five seconds to the person who wrote it.
        void CheckTime(string setting, TimeSpan value, TimeSpan shortest) => Check(
            value >= shortest && value <= Longest,
            $"Vmm:{setting} is {value:c}; it lies between {shortest:c} and {Longest:c}. Five seconds are 00:00:05.");
    }

    private static bool IsName(string name) => name.Length > 0 && !name.Contains('\0', StringComparison.Ordinal) && Encoding.UTF8.GetByteCount(name) <= BitVisorClient.MaxNameLength;

    private static string? FolderOf(string file) => Path.GetDirectoryName(Path.GetFullPath(file));
}
