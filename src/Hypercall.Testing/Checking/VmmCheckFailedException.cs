using System.Globalization;
using System.Text;

namespace Hypercall.Testing;

/// <summary>
/// A property does not hold on the fake machine: the smallest case that was found, how it came to it, and how to try it again.
/// </summary>
public sealed class VmmCheckFailedException : Exception
{
    internal VmmCheckFailedException(string message, FakeCase failed, FakeTrace? trace, ulong seed, int cases, int shrinks, Exception cause)
        : base(message, cause)
    {
        Case = failed;
        Trace = trace;
        Seed = seed;
        Cases = cases;
        Shrinks = shrinks;
    }

    /// <summary>The smallest case that was found.</summary>
    public FakeCase Case { get; }

    /// <summary>What happened in it; null if the property failed before it had a machine.</summary>
    public FakeTrace? Trace { get; }

    /// <summary>Which oracle spoke; null if the property failed by itself: then the inner exception says why.</summary>
    public FakeOracle? Oracle => (InnerException as FakeMachineException)?.Oracle;

    /// <summary>What all cases came from.</summary>
    public ulong Seed { get; }

    /// <summary>The how-manieth case failed, from 1.</summary>
    public int Cases { get; }

    /// <summary>How many steps simpler this case is than the one that failed first.</summary>
    public int Shrinks { get; }

    internal static VmmCheckFailedException Create(VmmFailure failure, ulong seed, int cases, int shrinks, bool isReplay, bool failedAgain)
    {
        StringBuilder text = new();
        _ = text.Append(isReplay
            ? "The property failed on the case that was given"
            : string.Create(CultureInfo.InvariantCulture, $"The property failed on case {cases} (seed 0x{seed:x})"));
        _ = text.AppendLine(shrinks == 0
            ? $": {failure.Case}."
            : string.Create(CultureInfo.InvariantCulture, $", and after {shrinks} shrink{(shrinks == 1 ? "" : "s")} still on: {failure.Case}."));
        if (!failedAgain)
        {
            _ = text.AppendLine("Tried once more, it did not fail in this way: the property does not do the same each time. Does it depend on time, on threads, or on what an earlier case left behind?");
        }

        FakeMachineException? found = failure.Cause as FakeMachineException;
        string what = found is null ? failure.Cause.GetType().Name : $"{nameof(FakeMachineException)} ({found.Oracle})";
        _ = text.AppendLine().Append(what).Append(": ").AppendLine(failure.Cause.Message).AppendLine();
        if (failure.Trace is { Lines.Count: > 0 } trace && found?.Trace is null)
        {
            _ = text.Append(trace).AppendLine().AppendLine();
        }

        _ = text.AppendLine("This case again:")
            .Append("    VmmCheck.Run(property, new VmmCheckOptions { Replay = ").Append(failure.Case.ToCSharp()).AppendLine(" });");
        if (!isReplay)
        {
            _ = text.AppendLine("All of them again (with the same sizes, machine and number of tests):")
                .Append(CultureInfo.InvariantCulture, $"    new VmmCheckOptions {{ Seed = 0x{seed:x} }}").AppendLine();
        }

        return new VmmCheckFailedException(text.ToString().TrimEnd(), failure.Case, failure.Trace, seed, cases, shrinks, failure.Cause);
    }
}
